#include "mix/mixnet/ack_tracker.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "mix/crypto/secret.h"

namespace mix::mixnet {

AckTracker::~AckTracker() {
  // Messages carry reply keys.
  for (auto& [id, fragment] : fragments_) crypto::wipe(fragment.bytes);
}

void AckTracker::add(const FragmentId& id, TrackedFragment fragment) {
  remove(id);  // random set ids may repeat, once in a long life
  fragments_.emplace(id, std::move(fragment));
}

TrackedFragment* AckTracker::find(const FragmentId& id) {
  const auto found = fragments_.find(id);
  return found == fragments_.end() ? nullptr : &found->second;
}

void AckTracker::start_timer(const FragmentId& id, TrackedFragment& fragment, base::TimePoint now) {
  stop_timer(id, fragment);
  const double scaled = static_cast<double>(fragment.expected_delay.count()) * multiplier_;
  fragment.due = now + base::Duration{std::llround(scaled)} + addition_;
  timers_.emplace(*fragment.due, id);
}

void AckTracker::stop_timer(const FragmentId& id, TrackedFragment& fragment) {
  if (!fragment.due) return;
  timers_.erase({*fragment.due, id});
  fragment.due.reset();
}

void AckTracker::sent(const FragmentId& id, base::Duration expected_delay, base::TimePoint now) {
  TrackedFragment* fragment = find(id);
  if (fragment == nullptr) return;
  ++fragment->packets_sent;
  fragment->expected_delay = expected_delay;
  fragment->last_sent = now;
  start_timer(id, *fragment, now);
}

void AckTracker::restart(const FragmentId& id, base::TimePoint now) {
  TrackedFragment* fragment = find(id);
  if (fragment != nullptr) start_timer(id, *fragment, now);
}

void AckTracker::hurry(base::TimePoint now) {
  Timers hurried;
  for (const auto& [due, id] : timers_) {
    fragments_.at(id).due = std::min(due, now);
    hurried.emplace(std::min(due, now), id);
  }
  timers_ = std::move(hurried);
}

std::optional<TrackedFragment> AckTracker::remove(const FragmentId& id) {
  const auto found = fragments_.find(id);
  if (found == fragments_.end()) return std::nullopt;
  stop_timer(id, found->second);
  TrackedFragment fragment = std::move(found->second);
  fragments_.erase(found);
  crypto::wipe(fragment.bytes);
  fragment.bytes.clear();
  return fragment;
}

std::optional<FragmentId> AckTracker::pop_due(base::TimePoint now) {
  if (timers_.empty() || timers_.begin()->first > now) return std::nullopt;
  const FragmentId id = timers_.begin()->second;
  stop_timer(id, fragments_.at(id));
  return id;
}

base::Deadline AckTracker::next_deadline() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first;
}

}  // namespace mix::mixnet
