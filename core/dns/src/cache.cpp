#include "cache.h"

#include <algorithm>

#include "mix/dns/constants.h"

namespace mix::dns {
namespace {

// How long the outcome may be kept, if at all.
std::optional<base::Duration> life_of(const Outcome& outcome) {
  if (const auto* found = std::get_if<Found>(&outcome)) {
    return std::clamp(found->ttl, kMinTtl, kMaxTtl);
  }
  const auto* nothing = std::get_if<Nothing>(&outcome);
  if (nothing == nullptr || !nothing->ttl) return std::nullopt;
  return std::clamp(*nothing->ttl, kMinTtl, kMaxNegativeTtl);
}

}  // namespace

std::optional<Outcome> Cache::find(const QuestionKey& key, base::TimePoint now) {
  const auto entry = entries_.find(key);
  const bool found_entry = entry != entries_.end() && entry->second.ends > now;
  ++(found_entry ? stats_.hits : stats_.misses);
  if (!found_entry) return std::nullopt;
  Outcome out = entry->second.outcome;
  if (auto* found = std::get_if<Found>(&out)) found->ttl = entry->second.ends - now;
  return out;
}

void Cache::put(const QuestionKey& key, const Outcome& outcome, base::TimePoint now) {
  const auto life = life_of(outcome);
  if (!life || max_entries_ == 0) return;
  entries_.erase(key);
  if (entries_.size() >= max_entries_) {
    std::erase_if(entries_, [now](const auto& entry) { return entry.second.ends <= now; });
  }
  if (entries_.size() >= max_entries_) {
    entries_.erase(std::min_element(
        entries_.begin(), entries_.end(),
        [](const auto& a, const auto& b) { return a.second.ends < b.second.ends; }));
  }
  entries_.emplace(key, Entry{outcome, now + *life});
}

}  // namespace mix::dns
