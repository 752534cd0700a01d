#include "mix/mixnet/round_trips.h"

#include <algorithm>

namespace mix::mixnet {

void RoundTripSamples::add(base::Duration sample) {
  if (samples_.size() < kMaxSamples) {
    samples_.push_back(sample);
    return;
  }
  samples_[next_] = sample;
  next_ = (next_ + 1) % kMaxSamples;
}

std::optional<RoundTrips> RoundTripSamples::summary() const {
  if (samples_.empty()) return std::nullopt;
  std::vector<base::Duration> sorted = samples_;
  std::ranges::sort(sorted);
  // Nearest rank: the smallest sample that is not below `percent` of all.
  const auto rank = [&sorted](std::size_t percent) {
    return sorted[(percent * sorted.size() + 99) / 100 - 1];
  };
  return RoundTrips{sorted.front(), rank(50), rank(95)};
}

}  // namespace mix::mixnet
