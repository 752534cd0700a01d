#include "mix/mixnet/surb_store.h"

#include <algorithm>

namespace mix::mixnet {

void SurbStore::add(const SenderTag& tag, std::vector<ReplySurb> surbs, Source source,
                    base::TimePoint now) {
  if (!senders_.contains(tag) && senders_.size() >= config_.max_senders) {
    senders_.erase(std::ranges::min_element(
        senders_, {}, [](const auto& entry) { return entry.second.last_received; }));
  }
  Sender& sender = senders_[tag];
  sender.last_received = now;
  if (source == Source::kAdditional) {
    const auto received = static_cast<std::uint32_t>(surbs.size());
    sender.pending -= std::min(sender.pending, received);
  }
  for (ReplySurb& surb : surbs) sender.fresh.push_back({std::move(surb), now});
  while (sender.fresh.size() > config_.max_held_per_sender) sender.fresh.pop_front();
  std::size_t spare =
      sender.fresh.size() > config_.min_storage ? sender.fresh.size() - config_.min_storage : 0;
  for (; spare > 0 && !sender.stale.empty(); --spare) sender.stale.pop_front();
}

std::optional<ReplySurb> SurbStore::take(const SenderTag& tag) {
  const auto found = senders_.find(tag);
  if (found == senders_.end()) return std::nullopt;
  Sender& sender = found->second;
  std::deque<Held>& queue = sender.fresh.empty() ? sender.stale : sender.fresh;
  if (queue.empty()) return std::nullopt;
  ReplySurb surb = std::move(queue.front().surb);
  queue.pop_front();
  return surb;
}

std::size_t SurbStore::available(const SenderTag& tag) const {
  const auto found = senders_.find(tag);
  if (found == senders_.end()) return 0;
  return found->second.fresh.size() + found->second.stale.size();
}

std::size_t SurbStore::fresh(const SenderTag& tag) const {
  const auto found = senders_.find(tag);
  return found == senders_.end() ? 0 : found->second.fresh.size();
}

std::uint32_t SurbStore::pending(const SenderTag& tag) const {
  const auto found = senders_.find(tag);
  return found == senders_.end() ? 0 : found->second.pending;
}

void SurbStore::add_pending(const SenderTag& tag, std::uint32_t amount) {
  const auto found = senders_.find(tag);
  if (found != senders_.end()) found->second.pending += amount;
}

void SurbStore::reset_pending(const SenderTag& tag) {
  const auto found = senders_.find(tag);
  if (found != senders_.end()) found->second.pending = 0;
}

base::Deadline SurbStore::last_received(const SenderTag& tag) const {
  const auto found = senders_.find(tag);
  if (found == senders_.end()) return std::nullopt;
  return found->second.last_received;
}

std::vector<std::pair<SenderTag, std::uint32_t>> SurbStore::mark_all_stale() {
  std::vector<std::pair<SenderTag, std::uint32_t>> marked;
  for (auto& [tag, sender] : senders_) {
    if (sender.fresh.empty()) continue;
    marked.emplace_back(tag, static_cast<std::uint32_t>(sender.fresh.size()));
    std::ranges::move(sender.fresh, std::back_inserter(sender.stale));
    sender.fresh.clear();
  }
  return marked;
}

void SurbStore::retain(const Retention& rule, base::TimePoint now) {
  const auto expired = [&rule](const Held& held) {
    const sphinx::KeyRotation rotation = held.surb.rotation;
    const bool other_parity = rule.only_parity && rotation != sphinx::KeyRotation::kUnknown &&
                              rotation != *rule.only_parity;
    return held.received < rule.received_since || other_parity;
  };
  for (auto entry = senders_.begin(); entry != senders_.end();) {
    Sender& sender = entry->second;
    std::erase_if(sender.fresh, expired);
    std::erase_if(sender.stale, expired);
    if (!rule.keep_stale) sender.stale.clear();
    const bool abandoned = sender.fresh.empty() && sender.stale.empty() && sender.pending == 0 &&
                           sender.last_received + rule.abandon_after <= now;
    const bool outdated = sender.last_received < rule.received_since;
    entry = abandoned || outdated ? senders_.erase(entry) : std::next(entry);
  }
}

}  // namespace mix::mixnet
