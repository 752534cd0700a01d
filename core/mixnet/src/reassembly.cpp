#include "mix/mixnet/reassembly.h"

#include <algorithm>
#include <utility>

#include "mix/crypto/secret.h"
#include "mix/mixnet/constants.h"

namespace mix::mixnet {

namespace {
/// What a buffered payload costs beyond its bytes, so that many empty ones are bounded too.
constexpr std::size_t kFragmentCost = 64;
/// A set's table of positions.
constexpr std::size_t kSetCost = kMaxSetFragments * sizeof(std::optional<base::Bytes>);
}  // namespace

bool Reassembler::contradicts(const Set& set, const FragmentHeader& header) {
  if (set.total != header.total) return true;
  // Links stand in the outer fragments only, so each of them is seen once.
  if (!header.link) return false;
  if (header.link->kind == SetLink::Kind::kPrevious) return set.next == header.link->set;
  return set.previous == header.link->set;
}

Reassembler::Answer Reassembler::receive(const FragmentView& fragment, base::TimePoint now) {
  expire(now);
  const FragmentHeader& header = fragment.header;
  if (finished_.contains(header.set)) return {Outcome::kDuplicate, {}};
  auto found = sets_.find(header.set);
  if (found == sets_.end()) {
    Set fresh;
    fresh.total = header.total;
    fresh.payloads.resize(header.total);
    fresh.bytes = kSetCost;
    buffered_bytes_ += kSetCost;
    found = sets_.emplace(header.set, std::move(fresh)).first;
  }
  Set& set = found->second;
  if (contradicts(set, header)) return {Outcome::kContradiction, {}};
  auto& position = set.payloads[header.index - std::size_t{1}];
  if (position) return {Outcome::kDuplicate, {}};

  position = base::to_bytes(fragment.payload);
  const std::size_t cost = position->size() + kFragmentCost;
  set.bytes += cost;
  set.last_news = now;
  buffered_bytes_ += cost;
  ++set.received;
  ++buffered_fragments_;
  if (header.link) {
    (header.link->kind == SetLink::Kind::kPrevious ? set.previous : set.next) = header.link->set;
  }
  make_room(header.set);
  if (!set.complete()) return {Outcome::kStored, {}};

  const std::vector<SetId> chain = complete_chain(header.set);
  if (chain.empty()) {
    return {sets_.contains(header.set) ? Outcome::kStored : Outcome::kContradiction, {}};
  }
  Answer answer{Outcome::kComplete, {}};
  for (const SetId& id : chain) {
    for (auto& payload : sets_.at(id).payloads) base::append(answer.message, *payload);
  }
  for (const SetId& id : chain) finish(id);
  return answer;
}

std::vector<SetId> Reassembler::complete_chain(const SetId& start) {
  // Walks back to the first set, then forward; `seen` guards against circles.
  std::set<SetId> seen{start};
  const auto reject = [&] {
    for (const SetId& id : seen) drop(id);
    return std::vector<SetId>{};
  };
  SetId first = start;
  while (const auto previous = sets_.at(first).previous) {
    const auto found = sets_.find(*previous);
    if (found == sets_.end() || !found->second.complete()) return {};
    if (!seen.insert(*previous).second || found->second.next != first) return reject();
    first = *previous;
  }
  std::vector<SetId> chain{first};
  while (const auto next = sets_.at(chain.back()).next) {
    const auto found = sets_.find(*next);
    if (found == sets_.end() || !found->second.complete()) return {};
    seen.insert(*next);
    if (found->second.previous != chain.back()) return reject();
    chain.push_back(*next);
  }
  return chain;
}

void Reassembler::drop(const SetId& id) {
  const auto found = sets_.find(id);
  if (found == sets_.end()) return;
  buffered_bytes_ -= found->second.bytes;
  buffered_fragments_ -= found->second.received;
  for (auto& payload : found->second.payloads) {
    if (payload) crypto::wipe(*payload);
  }
  sets_.erase(found);
}

void Reassembler::finish(const SetId& id) {
  drop(id);
  if (!finished_.insert(id).second) return;
  finished_order_.push_back(id);
  if (finished_order_.size() > kFinishedSetWindow) {
    finished_.erase(finished_order_.front());
    finished_order_.pop_front();
  }
}

void Reassembler::make_room(const SetId& except) {
  while (buffered_bytes_ > max_bytes_ && sets_.size() > 1) {
    auto oldest = sets_.end();
    for (auto set = sets_.begin(); set != sets_.end(); ++set) {
      if (set->first == except) continue;
      if (oldest == sets_.end() || set->second.last_news < oldest->second.last_news) oldest = set;
    }
    drop(oldest->first);
  }
}

void Reassembler::expire(base::TimePoint now) {
  if (last_check_ && now - *last_check_ < kReassemblyCheckInterval) return;
  last_check_ = now;
  std::vector<SetId> silent;
  for (const auto& [id, set] : sets_) {
    if (now - set.last_news >= kReassemblyTimeout) silent.push_back(id);
  }
  for (const SetId& id : silent) drop(id);
}

}  // namespace mix::mixnet
