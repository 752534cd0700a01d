// How long packets take to be acknowledged, over the last few hundred of them.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "mix/base/time.h"

namespace mix::mixnet {

struct RoundTrips {
  base::Duration min{}, median{}, p95{};
  friend bool operator==(const RoundTrips&, const RoundTrips&) = default;
};

class RoundTripSamples {
 public:
  static constexpr std::size_t kMaxSamples = 512;

  /// Beyond `kMaxSamples` the oldest goes.
  void add(base::Duration sample);
  /// Percentiles by the nearest rank. Nothing without a sample.
  [[nodiscard]] std::optional<RoundTrips> summary() const;

 private:
  std::vector<base::Duration> samples_;
  std::size_t next_ = 0;  // the oldest, once full
};

}  // namespace mix::mixnet
