// One download through TCP, TLS and HTTP over an in-memory packet device, without the mixnet.
#pragma once

#include <functional>
#include <memory>

#include "mix/base/bytes.h"
#include "script.h"

namespace mix::bench {

/// Plain HTTP without a script, HTTPS with one. Everything up to the response is done by `create`;
/// `run` is what counts: from the request to the last byte of the body.
class Download {
 public:
  /// Panics when the client does not get as far as the request.
  [[nodiscard]] static std::unique_ptr<Download> plain(std::size_t body_size);
  [[nodiscard]] static std::unique_ptr<Download> encrypted(Script script);
  virtual ~Download() = default;

  /// Hands out the body piece by piece. Panics when it is not as it should be. Once only.
  virtual void run(const std::function<void(base::ByteView)>& take) = 0;
};

}  // namespace mix::bench
