// The client's opening handshake (RFC 6455 §4.1).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/net/stream.h"

namespace mix::websocket {

enum class Compression : bool { kOff, kOffer };

struct HandshakeRequest {
  std::string authority;               // Host
  std::string path = "/";              // with the query
  std::vector<std::string> protocols;  // in order of preference
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::string> origin;  // none: no Origin header
  Compression compression = Compression::kOffer;
};

/// Refuses sub-protocols that are no tokens or appear twice, header values that could split the
/// request, and headers that belong to the handshake. Errors: `ws_bad_option`, `usage_bad_header`.
[[nodiscard]] base::Result<void> validate(const HandshakeRequest& request);

}  // namespace mix::websocket
