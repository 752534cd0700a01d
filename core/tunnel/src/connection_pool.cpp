#include "connection_pool.h"

#include <algorithm>

namespace mix::tunnel {
namespace {

constexpr base::Duration kIdleLimit = std::chrono::seconds{60};
constexpr std::ptrdiff_t kPerOrigin = 6;
constexpr std::size_t kTotal = 64;

bool usable(const net::Stream& stream) {
  // Bytes that nobody asked for would be read as the answer to the next request.
  return stream.state() == net::StreamState::kOpen && stream.readable() == 0;
}

}  // namespace

void ConnectionPool::put(const PoolKey& key, std::unique_ptr<net::Stream> stream,
                         base::TimePoint now) {
  if (!usable(*stream)) return;
  const auto same = [&](const Idle& idle) { return idle.key == key; };
  if (std::ranges::count_if(idle_, same) >= kPerOrigin) {
    idle_.erase(std::ranges::find_if(idle_, same));
  } else if (idle_.size() >= kTotal) {
    idle_.pop_front();
  }
  idle_.push_back(Idle{key, std::move(stream), now + kIdleLimit});
}

std::unique_ptr<net::Stream> ConnectionPool::take(const PoolKey& key) {
  for (auto it = idle_.rbegin(); it != idle_.rend(); ++it) {
    if (it->key != key || !usable(*it->stream)) continue;
    std::unique_ptr<net::Stream> stream = std::move(it->stream);
    idle_.erase(std::next(it).base());
    return stream;
  }
  return nullptr;
}

void ConnectionPool::advance(base::TimePoint now) {
  for (Idle& idle : idle_) idle.stream->advance(now);
  std::erase_if(idle_,
                [&](const Idle& idle) { return idle.expires <= now || !usable(*idle.stream); });
}

base::Deadline ConnectionPool::next_deadline() const {
  base::Deadline deadline;
  for (const Idle& idle : idle_) {
    deadline = earlier(earlier(deadline, idle.expires), idle.stream->next_deadline());
  }
  return deadline;
}

}  // namespace mix::tunnel
