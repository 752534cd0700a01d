// A clock that only the test moves.
#pragma once

#include "mix/base/time.h"

namespace mix::test {

/// Starts at a fixed instant (2025-06-01 00:00:00 UTC); `advance` moves both clocks alike.
class ManualClock final : public base::Clock {
 public:
  [[nodiscard]] base::TimePoint now() const override { return now_; }
  [[nodiscard]] base::WallTime wall_now() const override { return wall_; }

  void advance(base::Duration by) {
    now_ += by;
    wall_ += std::chrono::duration_cast<std::chrono::milliseconds>(by);
  }
  void set_wall(base::WallTime wall) { wall_ = wall; }

 private:
  base::TimePoint now_{std::chrono::hours{1}};
  base::WallTime wall_{std::chrono::seconds{1748736000}};
};

}  // namespace mix::test
