// Time as an argument: the host's monotonic clock and the wall clock as strong types.
#pragma once

#include <chrono>
#include <optional>

namespace mix::base {

using Duration = std::chrono::nanoseconds;

/// Tag of the host's monotonic clock. It has no now(): time is always passed in.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};

using TimePoint = MonotonicClock::time_point;
/// UTC wall clock, milliseconds since 1970.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using Deadline = std::optional<TimePoint>;

/// The earlier of two deadlines, where "none" is later than any.
[[nodiscard]] constexpr Deadline earlier(Deadline a, Deadline b) {
  if (!a) return b;
  if (!b) return a;
  return *a < *b ? a : b;
}

[[nodiscard]] constexpr bool is_due(Deadline deadline, TimePoint now) {
  return deadline && *deadline <= now;
}

/// Host clock. Only the engine's host and the top of a turn read it.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimePoint now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;
};

}  // namespace mix::base
