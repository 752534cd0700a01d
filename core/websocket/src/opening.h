// Opening: writes the request of the handshake, reads and checks the server's answer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "deflate.h"
#include "mix/websocket/handshake.h"

namespace mix::websocket {

struct Agreement {
  std::string protocol;    // empty: none
  std::string extensions;  // as the server wrote them
  std::optional<DeflateTerms> deflate;
  base::Bytes rest;  // bytes that came after the answer: frames
};

class Opening {
 public:
  Opening(HandshakeRequest request, base::Rng& rng);
  ~Opening();

  [[nodiscard]] base::ByteView request() const;
  /// Takes bytes of the answer; what was agreed once it is whole.
  /// Errors: `ws_bad_handshake` (detail: the HTTP status, when that is the reason).
  [[nodiscard]] base::Result<std::optional<Agreement>> feed(base::ByteView bytes);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::websocket
