#include "connection_pool.h"

#include <algorithm>
#include <utility>

namespace mix::tunnel {
namespace {

using base::TimePoint;

constexpr base::Duration kIdleLimit = std::chrono::seconds{60};
constexpr std::size_t kPerOrigin = 6;
constexpr std::size_t kTotal = 64;
/// Origins whose protocol and sessions are remembered.
constexpr std::size_t kMaxOrigins = 256;
constexpr std::string_view kHttp2Name = "h2", kHttp1Name = "http/1.1";

bool usable(const net::Stream& stream) {
  // Bytes that nobody asked for would be read as the answer to the next request.
  return stream.state() == net::StreamState::kOpen && stream.readable() == 0;
}

}  // namespace

// --- Lease ---------------------------------------------------------------------------------------

Lease::Lease(ConnectionPool& pool, PoolKey key, std::unique_ptr<net::Stream> stream)
    : pool_(&pool), key_(std::move(key)), stream_(std::move(stream)) {}

Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      key_(std::move(other.key_)),
      stream_(std::move(other.stream_)) {}

Lease::~Lease() {
  if (pool_ != nullptr) pool_->released(key_);
}

void Lease::give_back(base::Duration idle, TimePoint now) {
  std::exchange(pool_, nullptr)->put(key_, std::move(stream_), idle, now);
}

// --- tickets -------------------------------------------------------------------------------------

ConnectionPool::Ticket ConnectionPool::request(ConnectionRequest request, TimePoint now) {
  forget_quiet_origins();
  const Ticket ticket = ++last_ticket_;
  PoolKey key = key_of(request.isolation, request.url);
  Origin& origin = origins_[key];
  if (!request.url.secure()) origin.protocol = Protocol::kHttp1;
  const auto place = std::ranges::find_if(origin.queue, [&](Ticket other) {
    return tickets_.at(other).request.priority > request.priority;
  });
  origin.queue.insert(place, ticket);
  tickets_.emplace(ticket, Waiting{std::move(key), std::move(request), std::nullopt});
  (void)serve(origin, now);
  return ticket;
}

std::optional<ConnectionPool::Answer> ConnectionPool::poll(Ticket ticket) {
  const auto it = tickets_.find(ticket);
  if (it == tickets_.end() || !it->second.answer) return std::nullopt;
  std::optional<Answer> answer = std::move(it->second.answer);
  tickets_.erase(it);
  return answer;
}

Phase ConnectionPool::phase(Ticket ticket) const {
  const auto it = tickets_.find(ticket);
  if (it == tickets_.end()) return Phase::kConnect;
  for (const Dialing& dialing : origins_.at(it->second.key).dialing) {
    if (dialing.ticket == ticket) return dialing.dialer->phase();
  }
  return Phase::kConnect;
}

void ConnectionPool::cancel(Ticket ticket) {
  const auto it = tickets_.find(ticket);
  if (it == tickets_.end()) return;
  Origin& origin = origins_.at(it->second.key);
  // An answer that nobody fetched holds a connection, which is closed with it.
  const Waiting waiting = std::move(it->second);
  tickets_.erase(it);
  std::erase(origin.queue, ticket);
  if (origin.dialing.size() <= origin.queue.size()) return;
  std::erase_if(origin.dialing, [&](const Dialing& dialing) { return dialing.ticket == ticket; });
}

void ConnectionPool::use_http1(const PoolKey& key) { origins_[key].protocol = Protocol::kHttp1; }

void ConnectionPool::refuse(Origin& origin, Ticket ticket, Refused refused) {
  std::erase(origin.queue, ticket);
  tickets_.at(ticket).answer.emplace(std::move(refused));
}

// --- the life of connections ---------------------------------------------------------------------

bool ConnectionPool::advance(TimePoint now) {
  bool moved = false;
  for (auto& [key, origin] : origins_) moved |= tend(origin, now);
  return moved;
}

bool ConnectionPool::tend(Origin& origin, TimePoint now) {
  for (Idle& idle : origin.idle) idle.stream->advance(now);
  std::erase_if(origin.idle,
                [&](const Idle& idle) { return idle.expires <= now || !usable(*idle.stream); });
  bool moved = tend_multiplexed(origin, now);
  moved |= tend_dialing(origin, now);
  moved |= serve(origin, now);
  moved |= dial(origin, now);
  return moved;
}

bool ConnectionPool::tend_multiplexed(Origin& origin, TimePoint now) {
  bool moved = false;
  for (Multiplexed& shared : origin.multiplexed) {
    moved |= shared.connection->advance(now);
    if (shared.connection->active() > 0) shared.expires = now + kIdleLimit;
    // One that takes no more requests (GOAWAY) ends with its last.
    const bool retired = shared.connection->active() == 0 && !shared.connection->accepts();
    if (shared.expires <= now || retired) shared.connection->close();
  }
  std::erase_if(origin.multiplexed, [&](const Multiplexed& shared) {
    return shared.connection->finished() ||
           (shared.connection->active() == 0 && !shared.connection->accepts());
  });
  return moved;
}

bool ConnectionPool::tend_dialing(Origin& origin, TimePoint now) {
  bool moved = false;
  for (const Dialing& dialing : origin.dialing) moved |= dialing.dialer->advance(now);
  for (std::size_t i = 0; i < origin.dialing.size();) {
    const Dialer::Step step = origin.dialing[i].dialer->step();
    if (step != Dialer::Step::kOpen && step != Dialer::Step::kFailed) {
      ++i;
      continue;
    }
    moved = true;
    Dialing done = std::move(origin.dialing[i]);
    origin.dialing.erase(origin.dialing.begin() + static_cast<std::ptrdiff_t>(i));
    if (step == Dialer::Step::kOpen) {
      dialled(origin, std::move(done), now);
      i = 0;  // dialled() may have dropped others
    } else if (std::ranges::find(origin.queue, done.ticket) != origin.queue.end()) {
      refuse(origin, done.ticket, Refused{*done.dialer->error(), done.dialer->phase()});
    }
  }
  // Now that the protocol is known, if one of them has just found it out.
  moved |= release_handshakes(origin, now);
  return moved;
}

/// Lets connections that stand begin TLS: all of them, or one while the protocol may be HTTP/2.
bool ConnectionPool::release_handshakes(Origin& origin, TimePoint now) {
  bool moved = false;
  bool busy = std::ranges::any_of(origin.dialing, [](const Dialing& dialing) {
    return dialing.dialer->step() == Dialer::Step::kSecuring;
  });
  for (const Dialing& dialing : origin.dialing) {
    if (dialing.dialer->step() != Dialer::Step::kConnected) continue;
    if (busy && origin.protocol != Protocol::kHttp1) break;
    dialing.dialer->secure(now);
    busy = moved = true;
  }
  return moved;
}

void ConnectionPool::dialled(Origin& origin, Dialing dialing, TimePoint now) {
  const TimePoint expires = now + kIdleLimit;
  const DialTiming timing = dialing.dialer->timing();
  if (dialing.dialer->protocol() != kHttp2Name) {
    origin.protocol = Protocol::kHttp1;
    origin.idle.push_back(Idle{dialing.dialer->take(), expires, false, timing});
    return;
  }
  origin.protocol = Protocol::kHttp2;
  origin.multiplexed.push_back(
      Multiplexed{std::make_unique<http::Http2Connection>(dialing.dialer->take(), http::Limits{}),
                  expires, false, timing});
  origin.dialing.clear();
}

bool ConnectionPool::serve(Origin& origin, TimePoint now) {
  bool moved = false;
  for (std::size_t i = 0; i < origin.queue.size();) {
    const Ticket ticket = origin.queue[i];
    if (!serve_one(origin, ticket, now)) {
      ++i;
      continue;
    }
    origin.queue.erase(origin.queue.begin() + static_cast<std::ptrdiff_t>(i));
    moved = true;
  }
  return moved;
}

bool ConnectionPool::serve_one(Origin& origin, Ticket ticket, TimePoint now) {
  Waiting& waiting = tickets_.at(ticket);
  const auto fits = [&](const auto& connection) {
    return waiting.request.freshness == Freshness::kAny || !connection.used;
  };
  for (Multiplexed& shared : origin.multiplexed) {
    // A grant is redeemed within the turn, so that the count of active exchanges is near enough.
    if (origin.protocol != Protocol::kHttp2 || !shared.connection->accepts() || !fits(shared)) {
      continue;
    }
    waiting.answer.emplace(
        Granted{std::nullopt, shared.connection.get(), shared.used, shared.timing});
    shared.used = true;
    shared.expires = now + kIdleLimit;
    return true;
  }
  // The most recently used is the least likely to be dead.
  for (auto it = origin.idle.rbegin(); it != origin.idle.rend(); ++it) {
    if (!usable(*it->stream) || !fits(*it)) continue;
    Granted granted;
    granted.lease.emplace(*this, waiting.key, std::move(it->stream));
    granted.reused = it->used;
    granted.timing = it->timing;
    origin.idle.erase(std::next(it).base());
    ++origin.leased;
    waiting.answer.emplace(std::move(granted));
    return true;
  }
  return false;
}

bool ConnectionPool::dial(Origin& origin, TimePoint now) {
  bool moved = false;
  for (const Ticket ticket : origin.queue) {
    const auto own = [&](const Dialing& dialing) { return dialing.ticket == ticket; };
    if (std::ranges::any_of(origin.dialing, own)) continue;
    if (origin.dialing.size() >= origin.queue.size()) break;
    // One is enough where requests share it.
    if (origin.protocol == Protocol::kHttp2 && !origin.dialing.empty()) break;
    const bool full = origin.connections() >= kPerOrigin;
    if (full && origin.idle.empty()) break;
    if (full) origin.idle.pop_front();  // it did not fit anybody
    if (!make_room(now)) break;
    const ConnectionRequest& request = tickets_.at(ticket).request;
    origin.dialing.push_back(
        {std::make_unique<Dialer>(target_for(origin, request), services_, now), ticket});
    moved = true;
  }
  return moved;
}

DialTarget ConnectionPool::target_for(Origin& origin, const ConnectionRequest& request) const {
  DialTarget target;
  target.host = request.url.host;
  target.port = request.url.port;
  target.timeout = request.connect_timeout;
  target.isolation = request.isolation;
  if (!request.url.secure()) return target;
  target.security = Security::kTls;
  if (origin.protocol != Protocol::kHttp1) target.alpn.emplace_back(kHttp2Name);
  target.alpn.emplace_back(kHttp1Name);
  target.sessions = &origin.sessions;
  return target;
}

/// Room for one more connection in all; the one of any origin that has idled longest gives way.
bool ConnectionPool::make_room(TimePoint now) {
  std::size_t total = 0;
  Origin* victim = nullptr;
  TimePoint expires = TimePoint::max();
  const auto propose = [&](Origin& origin, TimePoint when) {
    if (when >= expires) return;
    victim = &origin;
    expires = when;
  };
  // One that was granted in this turn may not have been redeemed yet.
  const auto serves_nobody = [now](const Multiplexed& shared) {
    return shared.connection->active() == 0 && shared.expires < now + kIdleLimit;
  };
  for (auto& [key, origin] : origins_) {
    total += origin.connections();
    if (!origin.idle.empty()) propose(origin, origin.idle.front().expires);
    for (const Multiplexed& shared : origin.multiplexed) {
      if (serves_nobody(shared)) propose(origin, shared.expires);
    }
  }
  if (total < kTotal) return true;
  if (victim == nullptr) return false;
  if (!victim->idle.empty() && victim->idle.front().expires == expires) {
    victim->idle.pop_front();
  } else {
    std::erase_if(victim->multiplexed, [&](const Multiplexed& shared) {
      return serves_nobody(shared) && shared.expires == expires;
    });
  }
  return true;
}

void ConnectionPool::put(const PoolKey& key, std::unique_ptr<net::Stream> stream,
                         base::Duration idle, TimePoint now) {
  Origin& origin = origins_.at(key);
  --origin.leased;
  const base::Duration time = std::min(idle, kIdleLimit);
  if (time <= base::Duration::zero() || !usable(*stream)) return;
  origin.idle.push_back(Idle{std::move(stream), now + time, true, {}});
}

void ConnectionPool::released(const PoolKey& key) { --origins_.at(key).leased; }

void ConnectionPool::lookup_finished(const dns::LookupDone& done, TimePoint now) {
  for (auto& [key, origin] : origins_) {
    for (const Dialing& dialing : origin.dialing) dialing.dialer->lookup_finished(done, now);
  }
}

base::Deadline ConnectionPool::next_deadline() const {
  base::Deadline deadline;
  for (const auto& [key, origin] : origins_) {
    for (const Idle& idle : origin.idle) {
      deadline = earlier(earlier(deadline, idle.expires), idle.stream->next_deadline());
    }
    for (const Multiplexed& shared : origin.multiplexed) {
      deadline = earlier(deadline, shared.connection->next_deadline());
      if (shared.connection->active() == 0) deadline = earlier(deadline, shared.expires);
    }
    for (const Dialing& dialing : origin.dialing) {
      deadline = earlier(deadline, dialing.dialer->next_deadline());
    }
  }
  return deadline;
}

std::size_t ConnectionPool::idle() const {
  std::size_t count = 0;
  for (const auto& [key, origin] : origins_) {
    count += origin.idle.size();
    count += static_cast<std::size_t>(std::ranges::count_if(
        origin.multiplexed,
        [](const Multiplexed& shared) { return shared.connection->active() == 0; }));
  }
  return count;
}

void ConnectionPool::drop_idle() {
  for (auto& [key, origin] : origins_) {
    origin.idle.clear();
    std::erase_if(origin.multiplexed,
                  [](const Multiplexed& shared) { return shared.connection->active() == 0; });
  }
}

void ConnectionPool::forget_quiet_origins() {
  if (origins_.size() < kMaxOrigins) return;
  std::erase_if(origins_, [](const auto& entry) { return entry.second.quiet(); });
}

}  // namespace mix::tunnel
