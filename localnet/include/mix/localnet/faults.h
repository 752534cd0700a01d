// Misbehaviour on purpose: what a node may do to the packets that it passes on. Random choices come
// from the node's Rng, so that a simulation can repeat them.
#pragma once

#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"

namespace mix::localnet {

/// Chances are per packet, 0..1, and independent of one another.
struct FaultRates {
  double drop = 0;
  /// Passed on twice. Behind another node the replay check removes the second one; at the last hop
  /// the client gets both.
  double duplicate = 0;
  /// One byte is changed: of the packet at a forward hop, of the body at the last hop.
  double corrupt = 0;
  /// Held for `delay` in addition to what the packet asks for.
  double delayed = 0;
  base::Duration delay{};
  /// Held for a uniformly random part of `reorder_window`, so that others overtake it.
  double reorder = 0;
  base::Duration reorder_window{};

  /// True when every chance is 0.
  [[nodiscard]] bool none() const {
    return drop <= 0 && duplicate <= 0 && corrupt <= 0 && delayed <= 0 && reorder <= 0;
  }
};

/// What shall happen to one packet.
struct FaultPlan {
  std::uint32_t copies = 1;  // 0: dropped
  bool corrupt = false;
  base::Duration extra_delay{};
};

[[nodiscard]] FaultPlan plan_faults(const FaultRates& rates, base::Rng& rng);
/// Flips at least one bit of one random byte; nothing when there is none.
void corrupt_one_byte(base::MutByteView bytes, base::Rng& rng);

}  // namespace mix::localnet
