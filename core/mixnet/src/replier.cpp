#include "mix/mixnet/replier.h"

#include <algorithm>
#include <utility>

#include "mix/mixnet/constants.h"

namespace mix::mixnet {

std::size_t Replier::waiting_for(const SenderTag& tag) const {
  const auto found = waiting_.find(tag);
  return found == waiting_.end() ? 0 : found->second.size();
}

void Replier::send(const SenderTag& tag, const std::vector<FragmentId>& fragments,
                   base::TimePoint now) {
  ensure_checks(now);
  Waiting& waiting = waiting_[tag];
  waiting.fresh.insert(waiting.fresh.end(), fragments.begin(), fragments.end());
  waiting_total_ += fragments.size();
  drain(tag);
  request_if_needed(tag);
}

void Replier::retransmit(const SenderTag& tag, const FragmentId& fragment,
                         TrackedFragment::Reserve reserve, base::TimePoint now) {
  ensure_checks(now);
  const std::size_t floor =
      reserve == TrackedFragment::Reserve::kUse ? 1 : std::max(config_.min_storage, 1u);
  // A single retransmission goes at `available >= reserve`, not above it.
  if (store_.available(tag) >= floor) {
    assign(tag, fragment, SurbAssigned::Why::kRetransmission);
  } else if (waiting_[tag].retransmissions.insert(fragment).second) {
    ++waiting_total_;
  }
  request_if_needed(tag);
}

void Replier::forget(const SenderTag& tag, const FragmentId& fragment) {
  const auto found = waiting_.find(tag);
  if (found == waiting_.end()) return;
  waiting_total_ -= found->second.retransmissions.erase(fragment);
  waiting_total_ -= std::erase(found->second.fresh, fragment);
}

void Replier::receive(const SenderTag& tag, std::vector<ReplySurb> surbs, SurbStore::Source source,
                      base::TimePoint now) {
  store_.add(tag, std::move(surbs), source, now);
  const auto found = waiting_.find(tag);
  if (found != waiting_.end()) found->second.rerequests = 0;
  drain(tag);
  request_if_needed(tag);
}

void Replier::ensure_checks(base::TimePoint now) {
  if (!next_check_) next_check_ = now + kReplierCheckInterval;
}

void Replier::assign(const SenderTag& tag, const FragmentId& fragment, SurbAssigned::Why why) {
  auto surb = store_.take(tag);
  if (!surb) return;
  outputs_.emplace_back(SurbAssigned{fragment, *std::move(surb), why});
}

void Replier::drain(const SenderTag& tag) {
  const auto found = waiting_.find(tag);
  if (found == waiting_.end()) return;
  Waiting& waiting = found->second;
  while (waiting.size() > 0 && store_.available(tag) > config_.min_storage) {
    if (!waiting.retransmissions.empty()) {
      assign(tag, *waiting.retransmissions.begin(), SurbAssigned::Why::kRetransmission);
      waiting.retransmissions.erase(waiting.retransmissions.begin());
    } else {
      assign(tag, waiting.fresh.front(), SurbAssigned::Why::kNew);
      waiting.fresh.pop_front();
    }
    --waiting_total_;
  }
  if (waiting.size() == 0) waiting_.erase(found);
}

void Replier::request_if_needed(const SenderTag& tag) {
  const std::size_t expected = store_.pending(tag) + store_.fresh(tag);
  const std::size_t wanted = waiting_for(tag) + config_.min_storage + config_.threshold_buffer;
  if (expected < config_.max_storage && expected < wanted) request_for_waiting(tag);
}

void Replier::request_for_waiting(const SenderTag& tag) {
  const auto waiting = static_cast<std::uint32_t>(waiting_for(tag));
  request(tag, std::min(config_.max_request,
                        std::max(waiting + config_.threshold_buffer, config_.min_request)));
}

void Replier::request(const SenderTag& tag, std::uint32_t amount) {
  auto surb = store_.take(tag);
  if (!surb) return;  // the check of waiting fragments tries again
  outputs_.emplace_back(SurbsNeeded{tag, amount, *std::move(surb)});
  store_.add_pending(tag, amount);
}

void Replier::give_up(const SenderTag& tag) {
  const auto found = waiting_.find(tag);
  if (found == waiting_.end()) return;
  for (const FragmentId& id : found->second.retransmissions) {
    outputs_.emplace_back(ReplyGivenUp{id});
  }
  for (const FragmentId& id : found->second.fresh) outputs_.emplace_back(ReplyGivenUp{id});
  waiting_total_ -= found->second.size();
  waiting_.erase(found);
}

// spec: messages §11.3, "Every 5 s".
// Differs: waiting retransmissions count like new fragments; the reference lets them wait for ever.
void Replier::check_waiting(base::TimePoint now) {
  std::vector<SenderTag> tags;
  tags.reserve(waiting_.size());
  for (const auto& [tag, waiting] : waiting_) tags.push_back(tag);
  for (const SenderTag& tag : tags) {
    Waiting& waiting = waiting_[tag];
    const base::Deadline last = store_.last_received(tag);
    const base::Duration silence = last ? now - *last : config_.drop_after + config_.drop_after;
    if (waiting.rerequests > config_.max_rerequests || silence > config_.drop_after) {
      give_up(tag);
    } else if (silence > config_.rerequest_after) {
      ++waiting.rerequests;
      request_for_waiting(tag);
      store_.reset_pending(tag);
    }
  }
}

void Replier::set_rotation_info(const directory::KeyRotationInfo& info, base::TimePoint now,
                                base::WallTime wall_now) {
  clock_.set(info, now, wall_now);
  schedule_rotation_check(now);
}

void Replier::schedule_rotation_check(base::TimePoint now) {
  const auto moment = clock_.at(now);
  next_rotation_check_.reset();
  if (!moment) return;
  next_rotation_check_ = now + moment->epoch / kChecksPerEpoch;
  // No SURB of the old rotation may be used once its overlap has ended.
  const base::TimePoint overlap_end = moment->rotation_start + moment->epoch;
  if (overlap_end > now) next_rotation_check_ = base::earlier(next_rotation_check_, overlap_end);
}

void Replier::set_topology(const directory::EpochMetadata& metadata, base::TimePoint now) {
  metadata_ = metadata;
  if (!last_rotation_id_) last_rotation_id_ = metadata.rotation_id;
  // The topology is new, so its epoch is the expected one unless the network's epoch is stuck.
  const auto at = clock_.at(now);
  const auto before = clock_.at(now - kEpochTolerance);
  epoch_stuck_ = at && before && metadata.absolute_epoch_id != at->epoch_id &&
                 metadata.absolute_epoch_id != before->epoch_id;
}

// spec: messages §11.4
void Replier::check_rotation(base::TimePoint now) {
  if (metadata_) {
    if (refresh_ == Refresh::kDue) {
      // Differs: no more than may be stored; the reference asks for any number, so that a stock
      // that once grew never shrinks.
      for (const auto& [tag, amount] : store_.mark_all_stale()) {
        request(tag, std::min(amount, config_.max_storage));
      }
      last_rotation_id_ = metadata_->rotation_id;
      refresh_ = Refresh::kIdle;
    } else if (metadata_->rotation_id != last_rotation_id_) {
      refresh_ = Refresh::kDue;
    }
  }
  const auto moment = clock_.at(now);
  if (!moment) return;
  // Differs: the reference applies all of this from the start of the rotation on, although packets
  // of the previous rotation stay good for one epoch, and those of the next one are good an epoch
  // early. It then cannot even ask for new SURBs.
  const base::Duration rotation = moment->validity_epochs * moment->epoch;
  SurbStore::Retention rule{.received_since = moment->rotation_start - rotation - moment->epoch,
                            .only_parity = {},
                            .keep_stale = true,
                            .abandon_after = config_.drop_after};
  if (epoch_stuck_) {
    rule.received_since = now - rotation - moment->epoch;
  } else if (now >= moment->rotation_start + moment->epoch) {
    rule.received_since = moment->rotation_start - moment->epoch;
    rule.keep_stale = false;
    const auto parity = sphinx::key_rotation_of(moment->rotation_id);
    if (parity != sphinx::KeyRotation::kUnknown &&
        now < moment->next_rotation_start - moment->epoch) {
      rule.only_parity = parity;
    }
  }
  store_.retain(rule, now);
  std::vector<SenderTag> gone;
  for (const auto& [tag, waiting] : waiting_) {
    if (!store_.contains(tag)) gone.push_back(tag);
  }
  for (const SenderTag& tag : gone) give_up(tag);
}

std::optional<ReplierOutput> Replier::poll_output() {
  if (outputs_.empty()) return std::nullopt;
  ReplierOutput output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

base::Deadline Replier::next_deadline() const {
  return base::earlier(next_check_, next_rotation_check_);
}

void Replier::expire(base::TimePoint now) {
  if (base::is_due(next_check_, now)) {
    check_waiting(now);
    next_check_.reset();
    if (waiting_total_ > 0) ensure_checks(now);
  }
  if (base::is_due(next_rotation_check_, now)) {
    check_rotation(now);
    schedule_rotation_check(now);
  }
}

}  // namespace mix::mixnet
