// A clock that only the test moves.
#pragma once

#include "mix/base/time.h"

namespace mix::test {

/// Starts at a fixed instant (2025-06-01 00:00:00 UTC); `advance` moves both clocks alike.
class ManualClock final : public base::Clock {
 public:
  [[nodiscard]] base::TimePoint now() const override { return now_; }
  [[nodiscard]] base::WallTime wall_now() const override {
    // From one origin: steps of less than a millisecond add up.
    return wall_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_ - wall_set_at_);
  }

  void advance(base::Duration by) { now_ += by; }
  void set_wall(base::WallTime wall) {
    wall_ = wall;
    wall_set_at_ = now_;
  }

 private:
  base::TimePoint now_{std::chrono::hours{1}};
  base::TimePoint wall_set_at_ = now_;
  base::WallTime wall_{std::chrono::seconds{1748736000}};  // at wall_set_at_
};

}  // namespace mix::test
