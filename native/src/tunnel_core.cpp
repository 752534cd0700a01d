#include "tunnel_core.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <variant>
#include <vector>

#include "mix/base/log.h"

namespace mix::native {
namespace {

/// How long the exit may take to hear our good-bye.
constexpr std::chrono::seconds kGoodBye{2};
/// Turns before others get the lock.
constexpr int kTurnsPerLock = 16;
constexpr std::chrono::milliseconds kLongestWait{60'000};

/// lwIP has one instance in a process.
std::atomic<bool>& is_in_use() {
  static std::atomic<bool> in_use{false};
  return in_use;
}

}  // namespace

base::Result<std::shared_ptr<TunnelCore>> TunnelCore::start(TunnelConfig config) {
  auto trust = tls::TrustStore::mozilla();
  if (!config.outer_roots.empty()) {
    MIX_TRY(trust, tls::TrustStore::with_extra(config.outer_roots));
  }
  if (is_in_use().exchange(true)) return base::Errc::usage_already_set_up;
  std::shared_ptr<TunnelCore> core(new TunnelCore(std::move(config), std::move(trust)));
  MIX_CHECK(core->engine_->start());
  core->thread_ = std::thread([raw = core.get()] { raw->run(); });
  return core;
}

TunnelCore::TunnelCore(TunnelConfig config, std::shared_ptr<tls::TrustStore> trust)
    : world_{clock_, rng_, std::move(trust), std::make_shared<Waker>()},
      engine_(std::make_unique<tunnel::Engine>(std::move(config.options), clock_, rng_,
                                               base::null_log())) {}

TunnelCore::~TunnelCore() { stop(); }

void TunnelCore::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  world_.waker->wake();
  if (thread_.joinable()) thread_.join();
  const std::scoped_lock lock(mutex_);
  if (!engine_) return;
  engine_.reset();
  is_in_use() = false;
}

base::Result<void> TunnelCore::wait_until_ready(Timeout timeout) {
  auto ready =
      wait<std::monostate>(timeout, [this]() -> std::optional<base::Result<std::monostate>> {
        if (failure_) return base::Result<std::monostate>(*failure_);
        if (stopping_) return base::Result<std::monostate>(base::Errc::tunnel_shut_down);
        if (engine_->state() == tunnel::State::kReady) return std::monostate{};
        return std::nullopt;
      });
  if (ready) return {};
  if (ready.error().code == base::Errc::net_connect_timeout)
    return base::Errc::tunnel_setup_timeout;
  return ready.error();
}

// --- callers ---

base::Result<std::shared_ptr<Channel>> TunnelCore::open(tunnel::ChannelRequest request) {
  const std::scoped_lock lock(mutex_);
  if (stopping_ || !engine_) return base::Errc::tunnel_shut_down;
  MIX_TRY(const tunnel::JobId job, engine_->open_channel(std::move(request)));
  auto channel = std::make_shared<Channel>();
  channel->job = job;
  channels_[job] = channel;
  world_.waker->wake();
  return channel;
}

base::Error TunnelCore::reason(const Channel& channel) {
  if (channel.error) return *channel.error;
  return base::Error{base::Errc::usage_stale_handle};
}

base::Result<void> TunnelCore::command_locked(const Channel& channel,
                                              tunnel::ChannelCommand command) {
  if (channel.over || !engine_) return reason(channel);
  world_.waker->wake();
  return engine_->command(channel.job, std::move(command));
}

base::Result<void> TunnelCore::command(const Channel& channel, tunnel::ChannelCommand command) {
  const std::scoped_lock lock(mutex_);
  return command_locked(channel, std::move(command));
}

void TunnelCore::drop(Channel& channel) {
  const std::scoped_lock lock(mutex_);
  if (channel.over) return;
  channel.over = true;
  channels_.erase(channel.job);
  if (engine_) engine_->cancel(channel.job);
  world_.waker->wake();
  changed_.notify_all();
}

// --- the thread ---

void TunnelCore::run() {
  std::optional<base::TimePoint> end;
  while (true) {
    base::Deadline deadline;
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_ && !end) {
        end = clock_.now() + kGoodBye;
        engine_->shutdown();
      }
      deadline = base::earlier(turn(), end);
      const auto state = engine_->state();
      const bool gone = state == tunnel::State::kShutdown || state == tunnel::State::kFailed;
      if (end && (gone || base::is_due(end, clock_.now()))) {
        end_channels();
        links_.clear();
        calls_.clear();
        return;
      }
      changed_.notify_all();
    }
    wait_for_io(deadline);
  }
}

base::Deadline TunnelCore::turn() {
  base::Deadline deadline;
  for (int i = 0; i < kTurnsPerLock; ++i) {
    bool moved = advance_outer(clock_.now());
    deadline = engine_->turn();
    while (auto action = engine_->poll_action()) {
      moved = true;
      carry_out(*std::move(action));
    }
    if (!moved) break;
    if (i + 1 == kTurnsPerLock) deadline = clock_.now();
  }
  for (const auto& [id, link] : links_) deadline = base::earlier(deadline, link->next_deadline());
  for (const auto& [id, call] : calls_) deadline = base::earlier(deadline, call->next_deadline());
  return deadline;
}

bool TunnelCore::advance_outer(base::TimePoint now) {
  bool moved = false;
  std::vector<tunnel::LinkId> ended;
  for (const auto& [id, link] : links_) {
    moved |= link->advance(now);
    while (auto event = link->poll_event()) {
      moved = true;
      if (std::holds_alternative<OuterLink::Opened>(*event)) {
        engine_->link_opened(id);
      } else if (const auto* received = std::get_if<OuterLink::Received>(&*event)) {
        engine_->link_received(id, received->frame);
      } else {
        ended.push_back(id);
      }
    }
    engine_->link_buffered(id, link->buffered());
  }
  for (const tunnel::LinkId id : ended) {
    links_.erase(id);
    engine_->link_closed(id);
  }
  for (auto entry = calls_.begin(); entry != calls_.end();) {
    moved |= entry->second->advance(now);
    if (!entry->second->done()) {
      ++entry;
      continue;
    }
    if (const auto& answer = entry->second->answer()) {
      engine_->directory_answer(entry->first, answer->status, answer->body);
    } else {
      engine_->directory_failed(entry->first);
    }
    entry = calls_.erase(entry);
  }
  return moved;
}

void TunnelCore::open_link(const tunnel::OpenLink& action) {
  const auto url = http::Url::parse(action.url);
  if (url) {
    links_[action.link] = std::make_unique<OuterLink>(*url, world_);
  } else {
    engine_->link_closed(action.link);
  }
}

void TunnelCore::carry_out(tunnel::Action action) {
  if (const auto* open = std::get_if<tunnel::OpenLink>(&action)) {
    open_link(*open);
  } else if (const auto* send = std::get_if<tunnel::SendOnLink>(&action)) {
    const auto found = links_.find(send->link);
    if (found != links_.end()) found->second->send(send->frame);
  } else if (const auto* close = std::get_if<tunnel::CloseLink>(&action)) {
    const auto found = links_.find(close->link);
    if (found != links_.end()) found->second->close();
  } else if (const auto* get = std::get_if<tunnel::GetFromDirectory>(&action)) {
    const auto url = http::Url::parse(get->url);
    if (url) {
      calls_[get->request] = std::make_unique<DirectoryCall>(*url, world_);
    } else {
      engine_->directory_failed(get->request);
    }
  } else if (const auto* changed = std::get_if<tunnel::StateChanged>(&action)) {
    if (changed->state == tunnel::State::kFailed) {
      failure_ = changed->error.value_or(base::Error{base::Errc::tunnel_shut_down});
    }
  } else if (const auto* news = std::get_if<tunnel::ChannelEvent>(&action)) {
    carry_out_news(*news);
  }
}

void TunnelCore::carry_out_news(const tunnel::ChannelEvent& event) {
  const auto found = channels_.find(event.job);
  if (found == channels_.end()) return;
  Channel& channel = *found->second;
  if (const auto* opened = std::get_if<tunnel::SocketOpened>(&event.news)) {
    channel.opened = true;
    channel.address = opened->address;
    channel.port = opened->port;
    channel.alpn = opened->alpn;
  } else if (const auto* bytes = std::get_if<tunnel::SocketBytes>(&event.news)) {
    base::append(channel.received, bytes->bytes);
  } else if (const auto* sent = std::get_if<tunnel::SocketSent>(&event.news)) {
    channel.unsent -= std::min(channel.unsent, sent->size);
  } else if (const auto* datagram = std::get_if<tunnel::DatagramReceived>(&event.news)) {
    channel.datagrams.push_back({datagram->bytes, datagram->address, datagram->port});
  } else if (const auto* failed = std::get_if<tunnel::ChannelFailed>(&event.news)) {
    channel.error = failed->error;
  }
  const bool last = tunnel::is_last(event.news);
  channel.over |= last;
  channel.ended |= last || std::holds_alternative<tunnel::SocketEnded>(event.news);
  if (last) channels_.erase(found);
}

void TunnelCore::end_channels() {
  for (const auto& [job, channel] : channels_) {
    channel->over = channel->ended = true;
    if (!channel->error) channel->error = base::Error{base::Errc::tunnel_shut_down};
  }
  channels_.clear();
  changed_.notify_all();
}

void TunnelCore::wait_for_io(base::Deadline deadline) {
  std::vector<pollfd> entries{{world_.waker->descriptor(), POLLIN, 0}};
  // Only this thread changes the maps.
  for (const auto& [id, link] : links_) entries.push_back(link->interest());
  for (const auto& [id, call] : calls_) entries.push_back(call->interest());
  auto left = kLongestWait;
  if (deadline) {
    const auto until = std::chrono::ceil<std::chrono::milliseconds>(*deadline - clock_.now());
    left = std::clamp(until, std::chrono::milliseconds::zero(), kLongestWait);
  }
  ::poll(entries.data(), static_cast<nfds_t>(entries.size()), static_cast<int>(left.count()));
  world_.waker->reset();
}

}  // namespace mix::native
