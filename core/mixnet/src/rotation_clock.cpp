#include "mix/mixnet/rotation_clock.h"

namespace mix::mixnet {

void RotationClock::set(const directory::KeyRotationInfo& info, base::TimePoint now,
                        base::WallTime wall_now) {
  reference_.reset();
  if (info.validity_epochs == 0 || info.epoch_duration <= base::Duration::zero()) return;
  reference_ = Reference{info, now + (info.current_epoch_start - wall_now)};
}

std::optional<RotationClock::Moment> RotationClock::at(base::TimePoint now) const {
  if (!reference_) return std::nullopt;
  const auto& [info, epoch_start] = *reference_;
  // Epochs are counted as signed 64-bit numbers: a skewed clock may lie before the reference.
  const base::Duration since = now - epoch_start;
  std::int64_t passed = since / info.epoch_duration;
  if (since < base::Duration::zero() && since % info.epoch_duration != base::Duration::zero()) {
    --passed;
  }
  const std::int64_t initial = info.initial_epoch_id;
  const std::int64_t validity = info.validity_epochs;
  const std::int64_t epoch = std::max<std::int64_t>(0, info.current_epoch_id + passed);
  const std::int64_t rotation = std::max<std::int64_t>(0, epoch - initial) / validity;
  const std::int64_t first_epoch = initial + validity * rotation;
  const auto start_of = [&](std::int64_t id) {
    return epoch_start + (id - std::int64_t{info.current_epoch_id}) * info.epoch_duration;
  };
  return Moment{.epoch_id = static_cast<std::uint32_t>(epoch),
                .rotation_id = static_cast<std::uint32_t>(rotation),
                .rotation_start = start_of(first_epoch),
                .next_rotation_start = start_of(first_epoch + validity),
                .epoch = info.epoch_duration,
                .validity_epochs = info.validity_epochs};
}

}  // namespace mix::mixnet
