// What one question (a name and a type) comes to.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "mix/base/result.h"
#include "mix/base/time.h"
#include "mix/net/address.h"

namespace mix::dns {

struct Addresses {
  std::vector<net::IpAddress> addresses;  // never empty
  base::Duration ttl{};
};

enum class Absence : std::uint8_t { kNoName, kNoData };

/// There is no such record.
struct Nothing {
  Absence absence = Absence::kNoData;
  std::optional<base::Duration> ttl;  // none: not to be believed for later questions
};

using Outcome = std::variant<Addresses, Nothing, base::Error>;

}  // namespace mix::dns
