// Chances become decisions.
#include "mix/localnet/faults.h"

namespace mix::localnet {

FaultPlan plan_faults(const FaultRates& rates, base::Rng& rng) {
  FaultPlan plan;
  if (rates.none()) return plan;
  const auto happens = [&rng](double chance) { return chance > 0 && rng.unit() < chance; };
  if (happens(rates.drop)) {
    plan.copies = 0;
    return plan;
  }
  if (happens(rates.duplicate)) plan.copies = 2;
  plan.corrupt = happens(rates.corrupt);
  if (happens(rates.delayed)) plan.extra_delay += rates.delay;
  if (happens(rates.reorder) && rates.reorder_window.count() > 0) {
    plan.extra_delay += base::Duration{static_cast<std::int64_t>(
        rng.uniform(static_cast<std::uint64_t>(rates.reorder_window.count()) + 1))};
  }
  return plan;
}

void corrupt_one_byte(base::MutByteView bytes, base::Rng& rng) {
  if (bytes.empty()) return;
  const std::size_t position = static_cast<std::size_t>(rng.uniform(bytes.size()));
  bytes[position] ^= static_cast<std::uint8_t>(1 + rng.uniform(255));
}

}  // namespace mix::localnet
