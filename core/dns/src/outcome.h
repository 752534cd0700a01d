// What one question (a name and a type) comes to.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "mix/base/result.h"
#include "mix/base/time.h"
#include "mix/dns/record.h"
#include "mix/net/address.h"

namespace mix::dns {

struct Found {
  std::vector<RecordData> records;  // of the type asked for; never empty
  Name canonical_name;              // their owner, at the end of the chain of CNAMEs
  base::Duration ttl{};
  net::Endpoint server;
  bool is_authenticated = false;
};

enum class Absence : std::uint8_t { kNoName, kNoData };

/// There is no such record.
struct Nothing {
  Absence absence = Absence::kNoData;
  std::optional<base::Duration> ttl;  // none: not to be believed for later questions
};

using Outcome = std::variant<Found, Nothing, base::Error>;

}  // namespace mix::dns
