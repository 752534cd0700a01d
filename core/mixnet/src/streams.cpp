#include "mix/mixnet/streams.h"

#include <algorithm>

#include "mix/mixnet/constants.h"

namespace mix::mixnet {

base::Duration PoissonTimer::interval(base::Duration mean) {
  return rng_.exponential(std::max(mean, kShortestMean));
}

void PoissonTimer::start(base::Duration mean, base::TimePoint now) {
  deadline_ = now + interval(mean);
  fired_at_moment_ = 0;
}

bool PoissonTimer::fire(base::Duration mean, base::TimePoint now) {
  if (!base::is_due(deadline_, now)) return false;
  if (now != moment_) {
    moment_ = now;
    fired_at_moment_ = 0;
  }
  if (fired_at_moment_ == kMaxPerMoment) {
    deadline_ = now + interval(mean);
    return false;
  }
  ++fired_at_moment_;
  const base::TimePoint from = now - *deadline_ > kSuspension ? now : *deadline_;
  deadline_ = from + interval(mean);
  return true;
}

void SendRate::observe(std::size_t link_backlog, base::TimePoint now) {
  const auto passed_since = [now](base::Deadline then, base::Duration wait) {
    return !then || now - *then >= wait;
  };
  if (link_backlog > kLinkPressure) last_pressure_ = now;
  if (link_backlog >= kLinkQueueLimit && passed_since(last_change_, kSlowDownInterval)) {
    multiplier_ = std::min(multiplier_ + 1, kMaxMultiplier);
    last_change_ = now;
  } else if (multiplier_ > kMinMultiplier && passed_since(last_pressure_, kSpeedUpInterval) &&
             passed_since(last_change_, kSpeedUpInterval)) {
    --multiplier_;
    last_change_ = now;
  }
}

}  // namespace mix::mixnet
