// TLS 1.3 and 1.2 client (mbedTLS) over any Stream; is itself a Stream.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/net/stream.h"

namespace mix::tls {

/// Who vouches for an anchor: Mozilla, whose rules bind the authorities below it, or the caller.
enum class AnchorKind : std::uint8_t { kPublic, kCallers };

/// Trust anchors: the built-in Mozilla set plus the caller's. Shared by all connections.
///
/// Anchors are looked up by subject while a chain is checked, so that only the roots that a server
/// really uses are ever parsed.
class TrustStore {
 public:
  /// Only the compiled-in Mozilla roots.
  [[nodiscard]] static std::shared_ptr<TrustStore> mozilla();
  /// Mozilla's roots plus every certificate in the PEM text (one or several, concatenated).
  /// Errors: `tls_bad_roots`: no certificate in the text (detail 0), or the one with the ordinal
  /// in `detail` is not a readable X.509 certificate.
  [[nodiscard]] static base::Result<std::shared_ptr<TrustStore>> with_extra(std::string_view pem);
  virtual ~TrustStore() = default;

  /// The certificates (DER) whose subject is exactly this DER-encoded name. The views live as long
  /// as the store.
  [[nodiscard]] virtual std::vector<base::ByteView> find(base::ByteView subject) const = 0;
  /// Of a certificate that `find` gave.
  [[nodiscard]] virtual AnchorKind kind_of(base::ByteView anchor) const = 0;
  /// Number of anchors.
  [[nodiscard]] virtual std::size_t size() const = 0;
};

/// What a server gave for a quicker handshake next time. Opaque; holds secrets, which it wipes.
class Session {
 public:
  virtual ~Session() = default;
};

/// Where a connection finds a session to resume and leaves new ones. One cache serves one host.
class SessionCache {
 public:
  virtual void put(std::unique_ptr<Session> session) = 0;
  /// A session to offer, or null. It is not offered again.
  [[nodiscard]] virtual std::unique_ptr<Session> take() = 0;

 protected:
  SessionCache() = default;
  ~SessionCache() = default;
};

/// SHA-256 of a SubjectPublicKeyInfo.
using Pin = std::array<std::uint8_t, 32>;

struct ClientOptions {
  std::string host;  // DNS name or IP literal: SNI (names only) and certificate check
  std::vector<std::string> alpn =
      {};  // in order of preference, e.g. {"http/1.1"}; empty: not offered
  /// Counted from the moment when the transport is open.
  base::Duration handshake_timeout = std::chrono::seconds{60};
  /// Outlives the stream; null: no session is offered or kept.
  SessionCache* sessions = nullptr;
  /// Unless empty, one key of the verified chain must be among these (RFC 7469 §2.6).
  std::vector<Pin> pins = {};
};

/// State is kConnecting until the handshake is done. An end of the transport without the peer's
/// close_notify is kFailed with `tls_truncated`, seen only after everything before it was read.
/// `unacknowledged` counts ciphertext.
class ClientStream : public net::Stream {
 public:
  /// The agreed ALPN protocol, empty when none. Valid once open.
  [[nodiscard]] virtual std::string_view alpn() const = 0;
  /// "TLSv1.3" or "TLSv1.2". Valid once open.
  [[nodiscard]] virtual std::string_view version() const = 0;
};

/// Starts a handshake over `transport`, which may still be connecting. `clock` gives the wall time
/// of certificate checks; it and `rng` outlive the stream. Never falls back to plain text.
///
/// Offers TLS 1.3 and 1.2 with AEAD ciphers and ephemeral X25519, P-256 or P-384 only; the
/// certificate must chain to `trust` and name the host among its subject alternative names.
///
/// Stream errors, besides the transport's own: `tls_handshake` (detail: mbedTLS' number),
/// `tls_alert` (detail: alert number), `tls_cert_expired`, `tls_cert_wrong_host`,
/// `tls_cert_unknown_ca`, `tls_pin_mismatch`, `tls_cert_invalid` (detail: mbedTLS' verification
/// flags), `tls_bad_record`, `tls_truncated`, `tls_timeout`.
[[nodiscard]] std::unique_ptr<ClientStream> connect(std::unique_ptr<net::Stream> transport,
                                                    ClientOptions options,
                                                    std::shared_ptr<TrustStore> trust,
                                                    const base::Clock& clock, base::Rng& rng,
                                                    base::TimePoint now);

}  // namespace mix::tls
