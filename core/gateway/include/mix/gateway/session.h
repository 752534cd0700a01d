// Client side of the entry gateway protocol: version, registration or authentication, bandwidth,
// sealed frames. spec: gateway §2 to §9.
//
//   Unopened -> AwaitVersion -> AwaitHandshakeAnswer -> AwaitConfirmation -> AwaitRegistration -+
//                       \                                                                       v
//                        +----> AwaitAuthentication ---------------------------------------->
//                        Active
//   any refusal, deadline, bad answer or end of the link -> Failed
//
// While Active a bandwidth claim may be under way beside the packets.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "mix/base/log.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/crypto/keys.h"
#include "mix/gateway/constants.h"
#include "mix/gateway/frames.h"
#include "mix/gateway/handshake.h"

namespace mix::gateway {

/// A WebSocket message, in either direction.
struct TextFrame {
  std::string text;
};
struct BinaryFrame {
  base::Bytes bytes;
};
using LinkFrame = std::variant<TextFrame, BinaryFrame>;

struct SessionConfig {
  /// From the directory: the gateway's handshake signature is checked against it.
  crypto::Ed25519PublicKey gateway_identity;
  base::Duration answer_timeout = std::chrono::seconds{10};  // each handshake answer
  base::Duration claim_timeout = std::chrono::seconds{30};   // the answer to a bandwidth claim
  std::int64_t claim_below = kClaimThreshold;                // bytes; spec: gateway §6
  /// `Session::login_timestamp` of the previous session with this key, 0 when there was none. The
  /// next login is given a later one, else the gateway refuses it. spec: gateway §5.
  std::uint64_t last_login_timestamp = 0;
  /// Frames and events that may wait to be polled. Sends beyond it are refused, received frames
  /// beyond it are dropped (the mixnet sends them again).
  std::size_t max_queued = 1024;
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
/// The gateway confirmed `forget_me`.
struct Forgotten {};
/// The session is over; open a new link. What to do by code:
///
/// | code | meaning, next step |
/// |---|---|
/// | `gateway_not_registered`, `gateway_refused`, `gateway_clock_skew` | register with a new key |
/// | `gateway_session_in_use` | the old connection still lives: authenticate again later |
/// | `gateway_stale_login` | the login's second was used already: authenticate again |
/// | `gateway_closed`, `gateway_timeout`, `gateway_unreachable` | the link: authenticate again |
/// | `gateway_old_protocol`, `gateway_bad_handshake`, `gateway_malformed`,
///   `gateway_out_of_bandwidth` | choose another gateway |
struct SessionFailed {
  base::Error error;
};
using SessionEvent = std::variant<Activated, Delivered, OutOfBandwidth, Forgotten, SessionFailed>;

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

  /// Seals an encoded mix packet (see `packet_format`). Errors: `usage_not_ready`,
  /// `usage_queue_full`.
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
  /// Unix seconds of the login sent, for `SessionConfig::last_login_timestamp`; else its value.
  [[nodiscard]] std::uint64_t login_timestamp() const;
  /// Bytes of mix packets that the gateway still forwards, by its last word.
  [[nodiscard]] std::int64_t remaining_bandwidth() const;
  /// Frames that were unreadable, of unknown kind, or did not fit the queue.
  [[nodiscard]] std::uint64_t dropped_frames() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::gateway
