// How long to wait before the next attempt to repair the path. The pause grows with the length of
// the outage, not with the number of attempts: never more than a quarter of it, so that a return is
// noticed soon after a short outage, and a long one costs few attempts.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/tunnel/options.h"

namespace mix::tunnel {

class Backoff {
 public:
  explicit Backoff(const ReconnectOptions& options) : options_(options) {}

  /// The path works again.
  void reset() {
    attempts_ = 0;
    since_.reset();
  }
  /// Counts the next attempt.
  void begin(base::TimePoint now) {
    ++attempts_;
    if (!since_) since_ = now;
  }
  /// Attempts since the path broke.
  [[nodiscard]] std::uint32_t attempts() const { return attempts_; }
  [[nodiscard]] bool may_try() const {
    return options_.enabled && (!options_.max_attempts || attempts_ < *options_.max_attempts);
  }
  [[nodiscard]] base::Duration outage(base::TimePoint now) const {
    return since_ ? now - *since_ : base::Duration{};
  }
  [[nodiscard]] base::Duration pause(base::TimePoint now, base::Rng& rng) const {
    const base::Duration longest = std::max(options_.min_delay, options_.max_delay);
    const base::Duration pause = std::clamp(outage(now) / 4, options_.min_delay, longest);
    // A quarter of jitter keeps the clients of a restarted gateway from returning in step.
    return pause - std::chrono::duration_cast<base::Duration>(pause * 0.25 * rng.unit());
  }

 private:
  const ReconnectOptions& options_;
  std::uint32_t attempts_ = 0;
  base::Deadline since_;
};

}  // namespace mix::tunnel
