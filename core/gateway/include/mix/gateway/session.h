// Client side of the entry gateway protocol: version, registration or authentication, bandwidth,
// sealed frames. spec: gateway §2 to §9.
//
//   kVersion -> kRegister1 -> kRegister2 -> kActive
//           \-> kAuthenticate ------------/        any error -> kFailed
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "mix/base/log.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/crypto/cipher.h"
#include "mix/crypto/keys.h"

namespace mix::gateway {

/// A WebSocket message, in either direction.
struct TextFrame {
  std::string text;
};
struct BinaryFrame {
  base::Bytes bytes;
};
using LinkFrame = std::variant<TextFrame, BinaryFrame>;

using SharedKey = crypto::AesKey256;

struct SessionConfig {
  crypto::Ed25519PublicKey gateway_identity;
  base::Duration answer_timeout = std::chrono::seconds{10};  // each handshake answer
  std::uint64_t claim_below = 40'000'000;                    // bytes; spec: gateway §6
};

/// Registered or authenticated: packets may flow.
struct Activated {
  enum class How : std::uint8_t { kRegistered, kAuthenticated } how;
  std::uint8_t protocol_version;  // 4..6; decides the packet format
};
/// A pushed mix message: 21 bytes (ack) or a packet body. May come before Activated.
struct Delivered {
  base::Bytes plaintext;
};
/// The gateway discarded a packet for lack of bandwidth; a claim is under way.
struct OutOfBandwidth {};
/// The session is over; open a new link. `gateway_not_registered` and other authentication
/// errors ask for a registration with fresh keys.
struct SessionFailed {
  base::Error error;
};
using SessionEvent = std::variant<Activated, Delivered, OutOfBandwidth, SessionFailed>;

/// How packets are laid out for this gateway. spec: messages §8.
enum class PacketFormat : std::uint8_t { kV1 = 1, kV2 = 2 };

class Session {
 public:
  /// `identity` must outlive the session. With a `known_key` it authenticates, else registers.
  Session(const SessionConfig& config, const crypto::Ed25519KeyPair& identity,
          std::optional<SharedKey> known_key, base::Rng& rng, base::Log& log);
  ~Session();

  /// The link is open: starts the handshake.
  void opened(base::TimePoint now, base::WallTime wall_now);
  void receive(const LinkFrame& frame, base::TimePoint now, base::WallTime wall_now);
  /// The link ended; leads to SessionFailed unless it already failed.
  void closed(base::TimePoint now);

  /// Seals an encoded mix packet (see `packet_format`). Errors: `usage_not_ready`.
  [[nodiscard]] base::Result<void> send(base::ByteView mix_packet);
  /// Asks the gateway to delete this client (privacy on disconnect). spec: gateway §8.
  void forget_me();

  [[nodiscard]] std::optional<LinkFrame> poll_output();
  [[nodiscard]] std::optional<SessionEvent> poll_event();
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now);

  [[nodiscard]] bool active() const;
  [[nodiscard]] PacketFormat packet_format() const;
  /// The shared key once registered, for storage.
  [[nodiscard]] const std::optional<SharedKey>& shared_key() const;
  [[nodiscard]] std::int64_t remaining_bandwidth() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::gateway
