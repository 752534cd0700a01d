#include "mix/mixnet/lanes.h"

#include <algorithm>

#include "mix/mixnet/constants.h"

namespace mix::mixnet {

void Lanes::push(const Lane& lane, const FragmentId& id, base::TimePoint now) {
  Queue& queue = queues_[lane];
  queue.ids.push_back(id);
  queue.last_push = now;
  ++size_;
}

Lanes::Queue& Lanes::choose(base::Rng& rng) {
  std::vector<Queue*> filled;
  std::vector<Queue*> small;
  for (auto& [lane, queue] : queues_) {
    if (queue.ids.empty()) continue;
    filled.push_back(&queue);
    if (queue.ids.size() < kSmallLane) small.push_back(&queue);
  }
  if (!small.empty()) return *small[static_cast<std::size_t>(rng.uniform(small.size()))];
  constexpr std::uint64_t kBusyShare = 2;
  constexpr std::uint64_t kShares = 3;
  if (rng.uniform(kShares) < kBusyShare) {
    std::ranges::sort(filled, [](const Queue* a, const Queue* b) { return a->sent > b->sent; });
    filled.resize(std::min(filled.size(), kBusyLanes));
  }
  return *filled[static_cast<std::size_t>(rng.uniform(filled.size()))];
}

std::optional<FragmentId> Lanes::pop(base::Rng& rng) {
  if (size_ == 0) return std::nullopt;
  Queue& queue = choose(rng);
  const FragmentId id = queue.ids.front();
  queue.ids.pop_front();
  ++queue.sent;
  --size_;
  return id;
}

std::vector<FragmentId> Lanes::remove(const Lane& lane) {
  const auto found = queues_.find(lane);
  if (found == queues_.end()) return {};
  std::vector<FragmentId> ids(found->second.ids.begin(), found->second.ids.end());
  size_ -= ids.size();
  queues_.erase(found);
  return ids;
}

std::vector<FragmentId> Lanes::expire(base::TimePoint now) {
  std::vector<Lane> idle;
  for (const auto& [lane, queue] : queues_) {
    if (queue.last_push + kLaneIdleTimeout <= now) idle.push_back(lane);
  }
  std::vector<FragmentId> dropped;
  for (const Lane& lane : idle) {
    const auto ids = remove(lane);
    dropped.insert(dropped.end(), ids.begin(), ids.end());
  }
  return dropped;
}

void Lanes::touch(base::TimePoint now) {
  for (auto& [lane, queue] : queues_) queue.last_push = now;
}

base::Deadline Lanes::next_deadline() const {
  base::Deadline first;
  for (const auto& [lane, queue] : queues_) {
    // An empty lane can wait for the next call of expire.
    if (queue.ids.empty()) continue;
    first = base::earlier(first, queue.last_push + kLaneIdleTimeout);
  }
  return first;
}

std::size_t Lanes::size(const Lane& lane) const {
  const auto found = queues_.find(lane);
  return found == queues_.end() ? 0 : found->second.ids.size();
}

}  // namespace mix::mixnet
