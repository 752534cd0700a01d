// The network's counters in the Prometheus text format (version 0.0.4), for GET /metrics.
#pragma once

#include "mix/localnet/admin.h"
#include "mix/localnet/http.h"

namespace mix::localnet {

/// Epoch, and per node what /admin/stats tells. Labels: `node` (its number), `role`, `layer`
/// (mixes) and `identity`. Counters end in `_total`; sizes are in the unit of their name.
[[nodiscard]] HttpAnswer answer_metrics(NetworkControl& network);

}  // namespace mix::localnet
