#include "channel_table.h"

#include <algorithm>
#include <utility>

#include "dns_job.h"
#include "socket_job.h"
#include "websocket_job.h"

namespace mix::tunnel {
namespace {

using JobResult = base::Result<std::unique_ptr<ChannelJob>>;

struct Opener {
  JobId id;
  const ChannelServices& services;
  base::TimePoint now;

  JobResult operator()(DnsRequest& request) const {
    return JobResult(std::make_unique<DnsJob>(id, std::move(request), services, now));
  }
  JobResult operator()(WebSocketRequest& request) const {
    MIX_TRY(auto job, WebSocketJob::start(id, std::move(request), services, now));
    return JobResult(std::move(job));
  }
  JobResult operator()(TcpRequest& request) const {
    return JobResult(std::make_unique<TcpJob>(id, std::move(request), services, now));
  }
  JobResult operator()(UdpRequest& /*request*/) const {
    return JobResult(std::make_unique<UdpJob>(id, services));
  }
};

}  // namespace

bool is_last(const ChannelNews& news) {
  return std::holds_alternative<DnsAddresses>(news) || std::holds_alternative<DnsRecords>(news) ||
         std::holds_alternative<websocket::Closed>(news) ||
         std::holds_alternative<SocketClosed>(news) || std::holds_alternative<ChannelFailed>(news);
}

base::Result<void> ChannelTable::open(JobId id, ChannelRequest request,
                                      const ChannelServices& services, base::TimePoint now) {
  MIX_TRY(auto job, std::visit(Opener{id, services, now}, request));
  channels_.emplace(id, std::move(job));
  return {};
}

base::Result<void> ChannelTable::command(JobId id, ChannelCommand command, base::TimePoint now) {
  const auto channel = channels_.find(id);
  // What crossed with the last news is no mistake of the caller.
  if (channel == channels_.end() || channel->second->has_told_last()) {
    return base::Errc::usage_stale_handle;
  }
  return channel->second->command(std::move(command), now);
}

void ChannelTable::fail_all(const base::Error& error) {
  for (auto& [id, channel] : channels_) channel->fail(error);
  channels_.clear();
}

bool ChannelTable::advance(base::TimePoint now) {
  bool moved = false;
  for (auto& [id, channel] : channels_) moved |= channel->advance(now);
  std::erase_if(channels_, [](const auto& entry) { return entry.second->done(); });
  return moved;
}

void ChannelTable::lookup_finished(const dns::LookupDone& done, base::TimePoint now) {
  for (auto& [id, channel] : channels_) channel->lookup_finished(done, now);
}

void ChannelTable::answer_finished(const dns::AnswerDone& done) {
  for (auto& [id, channel] : channels_) channel->answer_finished(done);
}

base::Deadline ChannelTable::next_deadline() const {
  base::Deadline out;
  for (const auto& [id, channel] : channels_) out = base::earlier(out, channel->next_deadline());
  return out;
}

std::size_t ChannelTable::open_websockets() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      channels_, [](const auto& entry) { return entry.second->is_open_websocket(); }));
}

}  // namespace mix::tunnel
