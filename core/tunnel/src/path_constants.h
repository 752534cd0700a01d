// Times of the path that its set-up and its repair share.
#pragma once

#include <chrono>

#include "mix/base/time.h"

namespace mix::tunnel {

inline constexpr base::Duration kTopologyRefresh = std::chrono::minutes{5};  // spec: topology §5
inline constexpr base::Duration kRefreshRetry = std::chrono::seconds{30};

}  // namespace mix::tunnel
