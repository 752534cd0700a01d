// A page for people: what the network consists of and what moves through it, renewed every second
// from /admin/stats. Self-contained, no outside resources.
#pragma once

#include "mix/localnet/http.h"

namespace mix::localnet {

[[nodiscard]] HttpAnswer status_page();

}  // namespace mix::localnet
