// Which epoch and key rotation the network should be in at a moment of the monotonic clock.
// spec: topology §4, messages §11.4.
#pragma once

#include <cstdint>
#include <optional>

#include "mix/base/time.h"
#include "mix/directory/topology.h"

namespace mix::mixnet {

class RotationClock {
 public:
  struct Moment {
    std::uint32_t epoch_id = 0;
    std::uint32_t rotation_id = 0;
    base::TimePoint rotation_start;
    base::TimePoint next_rotation_start;
    base::Duration epoch{};             // length
    std::uint32_t validity_epochs = 0;  // length of a rotation
  };

  /// `now` and `wall_now` are the same instant.
  void set(const directory::KeyRotationInfo& info, base::TimePoint now, base::WallTime wall_now);
  /// Nothing before `set`, or when the information makes no sense (zero lengths).
  [[nodiscard]] std::optional<Moment> at(base::TimePoint now) const;

 private:
  struct Reference {
    directory::KeyRotationInfo info;
    base::TimePoint epoch_start;  // of info.current_epoch_id
  };
  std::optional<Reference> reference_;
};

}  // namespace mix::mixnet
