// How long each step of the first set-up took. spec: api part 2 §7.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "mix/base/time.h"
#include "mix/tunnel/host.h"

namespace mix::tunnel {

class SetUpTimes {
 public:
  /// A step begins and ends the one before; a step may come more than once. kReady ends it all.
  void begin(Step step, base::TimePoint now) {
    if (ready_at_) return;
    if (step_) times_[index(*step_)] += now - step_began_;
    if (!step_) started_ = now;
    step_ = step;
    step_began_ = now;
    if (step != Step::kReady) return;
    ready_at_ = now;
    times_[index(Step::kReady)] = now - started_;
  }

  /// By Step; that of kReady is the whole.
  [[nodiscard]] const StepTimes& times() const { return times_; }
  /// Since the first kReady; zero before.
  [[nodiscard]] base::Duration uptime(base::TimePoint now) const {
    return ready_at_ ? now - *ready_at_ : base::Duration{};
  }

 private:
  [[nodiscard]] static std::size_t index(Step step) { return static_cast<std::size_t>(step); }

  StepTimes times_{};
  std::optional<Step> step_;
  base::TimePoint started_, step_began_;
  std::optional<base::TimePoint> ready_at_;
};

}  // namespace mix::tunnel
