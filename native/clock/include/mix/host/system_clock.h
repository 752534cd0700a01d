// The machine's clocks as base::Clock, for hosts on an operating system: native/ and localnet/.
#pragma once

#include <chrono>

#include "mix/base/time.h"

namespace mix::host {

class SystemClock final : public base::Clock {
 public:
  [[nodiscard]] base::TimePoint now() const override {
    return base::TimePoint(std::chrono::duration_cast<base::Duration>(
        std::chrono::steady_clock::now().time_since_epoch()));
  }
  [[nodiscard]] base::WallTime wall_now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
  }
  /// The same moment for timers over the steady clock.
  [[nodiscard]] static std::chrono::steady_clock::time_point steady(base::TimePoint time) {
    return std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(time.time_since_epoch()));
  }
};

}  // namespace mix::host
