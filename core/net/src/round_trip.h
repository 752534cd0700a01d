// Smoothed round trip time of all TCP connections of a tunnel, from their timestamps.
#pragma once

#include <optional>

#include "mix/base/time.h"

namespace mix::net {

class SmoothedRoundTrip {
 public:
  /// RFC 6298 §2: the first sample as it is, then an eighth of each new one.
  void add(base::Duration sample) { value_ = value_ ? *value_ + (sample - *value_) / 8 : sample; }
  [[nodiscard]] std::optional<base::Duration> value() const { return value_; }

 private:
  std::optional<base::Duration> value_;
};

}  // namespace mix::net
