#include "messages.h"

#include <utility>

#include "mix/crypto/secret.h"

namespace mix::tunnel {
namespace {

using base::Deadline;
using base::Errc;
using base::Error;
using base::TimePoint;
using mixnet::Lane;
using mixnet::LaneKind;

/// Lanes of their own, so that a long message does not hold up IP packets in the general lane.
constexpr Lane kGeneralMessages{LaneKind::kConnection, 1};
constexpr Lane kFastMessages{LaneKind::kConnection, 2};
/// Packets in a lane from which on the next message waits here.
constexpr std::size_t kLaneFull = 64;
constexpr std::uint32_t kMaxReplySurbs = 500;  // what a peer stores at most; spec: messages §11.3

Lane lane_of(MessageLane lane) {
  return lane == MessageLane::kFast ? kFastMessages : kGeneralMessages;
}

/// Refusals that pass when packets have left or the topology is back.
bool is_temporary(Errc code) {
  return code == Errc::usage_queue_full || code == Errc::mixnet_no_topology;
}

}  // namespace

Messages::~Messages() {
  for (auto& [id, job] : jobs_) crypto::wipe(job.data);
}

base::Result<void> Messages::start(JobId job, MessageRequest request, TimePoint now) {
  Peer to;
  if (request.addressing == MessageTo::kSenderTag) {
    MIX_TRY(to, mixnet::SenderTag::parse(request.to));
    if (request.data.empty()) return Errc::mixnet_empty_reply;
  } else {
    MIX_TRY(to, mixnet::Recipient::parse(request.to));
  }
  if (request.reply_surbs > kMaxReplySurbs) {
    return Error{Errc::config_bad_option, 0, "replySurbs: at most 500"};
  }
  if (request.data.size() > kMaxWaitingBytes) return Errc::mixnet_message_too_long;
  if (jobs_.size() >= kMaxJobs || waiting_bytes_ + request.data.size() > kMaxWaitingBytes) {
    return Errc::usage_queue_full;
  }
  waiting_bytes_ += request.data.size();
  mixnet::SendOptions options;
  options.reply_surbs = request.reply_surbs;
  options.lane = lane_of(request.lane);
  jobs_.emplace(job, Job{to, std::move(request.data), options, request.confirm,
                         now + request.timeout, std::nullopt});
  return {};
}

void Messages::cancel(JobId job, mixnet::Client* client) {
  const auto found = jobs_.find(job);
  if (found == jobs_.end()) return;
  if (client != nullptr && found->second.sent_as) client->cancel(*found->second.sent_as);
  forget_data(found->second);
  jobs_.erase(found);
}

bool Messages::advance(mixnet::Client* client, TimePoint now) {
  if (jobs_.empty()) return false;
  bool moved = false;
  if (client != nullptr && own_address_ != client->address()) {
    own_address_ = client->address();
    for (auto it = jobs_.begin(); it != jobs_.end();) {
      if (!it->second.sent_as) {
        ++it;
        continue;
      }
      it = fail(it, Error{Errc::mixnet_undelivered, 0, "the entry gateway was replaced"});
      moved = true;
    }
  }
  moved |= expire(client, now);
  if (client != nullptr) moved |= hand_over_waiting(*client, now);
  return moved;
}

bool Messages::expire(mixnet::Client* client, TimePoint now) {
  bool moved = false;
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if (it->second.give_up > now) {
      ++it;
      continue;
    }
    if (client != nullptr && it->second.sent_as) client->cancel(*it->second.sent_as);
    it = fail(it, Error{Errc::mixnet_timeout});
    moved = true;
  }
  return moved;
}

base::Result<mixnet::MessageId> Messages::hand_over(const Job& job, mixnet::Client& client,
                                                    TimePoint now) const {
  if (const auto* tag = std::get_if<mixnet::SenderTag>(&job.to)) {
    return client.reply(*tag, job.data, job.options, now);
  }
  return client.send(std::get<mixnet::Recipient>(job.to), job.data, job.options, now);
}

bool Messages::hand_over_waiting(mixnet::Client& client, TimePoint now) {
  bool moved = false;
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    Job& job = it->second;
    if (job.sent_as || client.queued(job.options.lane) >= kLaneFull) {
      ++it;
      continue;
    }
    const auto sent = hand_over(job, client, now);
    if (!sent && is_temporary(sent.error().code)) {
      ++it;
      continue;
    }
    moved = true;
    if (!sent) {
      it = fail(it, sent.error());
      continue;
    }
    forget_data(job);
    job.sent_as = *sent;
    if (job.confirm == Confirm::kQueued) {
      actions_.emplace_back(MessageConfirmed{it->first});
      it = jobs_.erase(it);
    } else {
      ++it;
    }
  }
  return moved;
}

void Messages::on(const mixnet::MessageDelivered& delivered) {
  const auto job = find(delivered.id);
  if (job == jobs_.end()) return;
  actions_.emplace_back(MessageConfirmed{job->first});
  jobs_.erase(job);
}

void Messages::on(const mixnet::MessageLost& lost, mixnet::Client* client) {
  const auto job = find(lost.id);
  if (job == jobs_.end()) return;
  // Without one part the others are of no use.
  if (client != nullptr) client->cancel(lost.id);
  fail(job, lost.error);
}

void Messages::fail_all(const Error& error) {
  for (auto it = jobs_.begin(); it != jobs_.end();) it = fail(it, error);
}

Deadline Messages::next_deadline() const {
  Deadline deadline;
  for (const auto& [id, job] : jobs_) deadline = earlier(deadline, job.give_up);
  return deadline;
}

Messages::Jobs::iterator Messages::find(mixnet::MessageId message) {
  auto it = jobs_.begin();
  while (it != jobs_.end() && it->second.sent_as != message) ++it;
  return it;
}

void Messages::forget_data(Job& job) {
  waiting_bytes_ -= job.data.size();
  crypto::wipe(job.data);
  job.data.clear();
}

Messages::Jobs::iterator Messages::fail(Jobs::iterator job, Error error) {
  forget_data(job->second);
  const bool nothing_left = !job->second.sent_as;
  actions_.emplace_back(JobFailed{job->first, std::move(error), Phase::kRequest, nothing_left});
  return jobs_.erase(job);
}

}  // namespace mix::tunnel
