// What a response says about the connection that it came on.
#pragma once

#include "mix/base/time.h"
#include "mix/http/exchange.h"

namespace mix::http {

/// How long the server keeps an idle connection by its Keep-Alive field, less a second for the way;
/// the maximum when it does not say.
[[nodiscard]] base::Duration keep_alive_time(const HeaderList& headers);

}  // namespace mix::http
