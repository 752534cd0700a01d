// TLS 1.3 and 1.2 client (mbedTLS) over any Stream; is itself a Stream.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/net/stream.h"

namespace mix::tls {

/// Trust anchors: the built-in Mozilla set plus the caller's. Shared by all connections.
class TrustStore {
 public:
  /// Only the compiled-in Mozilla roots.
  [[nodiscard]] static std::shared_ptr<TrustStore> mozilla();
  /// Mozilla's roots plus every certificate in the PEM text.
  /// Errors: `tls_bad_roots` (no certificate in the text).
  [[nodiscard]] static base::Result<std::shared_ptr<TrustStore>> with_extra(std::string_view pem);
  virtual ~TrustStore() = default;
};

struct ClientOptions {
  std::string host;               // DNS name or IP literal: SNI (names only) and certificate check
  std::vector<std::string> alpn;  // e.g. {"http/1.1"}
  base::Duration handshake_timeout = std::chrono::seconds{60};
};

class ClientStream : public net::Stream {
 public:
  /// The agreed ALPN protocol, empty when none. Valid once open.
  [[nodiscard]] virtual std::string_view alpn() const = 0;
  /// "TLSv1.3" or "TLSv1.2". Valid once open.
  [[nodiscard]] virtual std::string_view version() const = 0;
};

/// Starts a handshake over `transport`, which may still be connecting. `clock` gives the wall time
/// of certificate checks. Never falls back to plain text.
/// Stream errors: `tls_*` and the transport's own.
[[nodiscard]] std::unique_ptr<ClientStream> connect(std::unique_ptr<net::Stream> transport,
                                                    ClientOptions options,
                                                    std::shared_ptr<TrustStore> trust,
                                                    const base::Clock& clock, base::Rng& rng,
                                                    base::TimePoint now);

}  // namespace mix::tls
