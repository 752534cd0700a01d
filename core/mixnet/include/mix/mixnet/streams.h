// When packets leave: the deadlines of a Poisson process, and the multiplier that stretches them
// when the link is congested. Nothing here knows what is queued, so the times tell an observer
// nothing. spec: messages §10.1, §10.2, §10.5.
#pragma once

#include <cstdint>

#include "mix/base/rng.h"
#include "mix/base/time.h"

namespace mix::mixnet {

/// Deadlines with exponentially distributed gaps. The next deadline counts from the previous one,
/// so a late host catches up.
///
/// Differs: catching up is bounded. At most `kMaxPerMoment` deadlines fire at one value of `now`;
/// what is overdue beyond that is forfeited, and after a suspension (`kSuspension`) all of it is:
/// the process goes on from now. Otherwise a laptop that wakes up would announce itself by
/// thousands of packets at once.
class PoissonTimer {
 public:
  static constexpr std::uint32_t kMaxPerMoment = 16;
  static constexpr base::Duration kSuspension = std::chrono::seconds{2};
  /// Means below this are raised to it: a mean of zero would fire without end.
  static constexpr base::Duration kShortestMean = std::chrono::microseconds{100};

  /// `rng` must outlive the timer.
  explicit PoissonTimer(base::Rng& rng) : rng_(rng) {}

  /// The first deadline comes one interval after now.
  void start(base::Duration mean, base::TimePoint now);
  void stop() { deadline_.reset(); }
  /// True once for each deadline that has passed. `mean` is that of the next interval.
  [[nodiscard]] bool fire(base::Duration mean, base::TimePoint now);
  [[nodiscard]] base::Deadline next_deadline() const { return deadline_; }

 private:
  [[nodiscard]] base::Duration interval(base::Duration mean);

  base::Rng& rng_;
  base::Deadline deadline_;
  base::TimePoint moment_{};
  std::uint32_t fired_at_moment_ = 0;
};

/// The multiplier of the main stream's mean: 1 to 6, up when the queue to the gateway is full,
/// down after two seconds without pressure.
class SendRate {
 public:
  /// `link_backlog`: packets that wait below.
  void observe(std::size_t link_backlog, base::TimePoint now);
  [[nodiscard]] std::uint32_t multiplier() const { return multiplier_; }

 private:
  std::uint32_t multiplier_ = 1;
  base::Deadline last_change_;    // none: never
  base::Deadline last_pressure_;  // none: never
};

}  // namespace mix::mixnet
