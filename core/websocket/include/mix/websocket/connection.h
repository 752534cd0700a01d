// A client's WebSocket over a Stream (RFC 6455, RFC 7692), sans-I/O.
//
//   opening --answer--> open --close()--> closing --both close frames--> closed, lingering --> done
//      \                  \--server's close frame: echoed-----------------^  until the stream ends
//       +------------------+--broken protocol, lost stream, time out--> closed, done
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/net/stream.h"
#include "mix/websocket/constants.h"
#include "mix/websocket/handshake.h"

namespace mix::websocket {

struct Config {
  std::size_t max_message_size = kMaxMessageSize;        // of received ones, after inflating
  base::Duration handshake_timeout = kHandshakeTimeout;  // from the stream's opening on
  base::Duration close_timeout = kCloseTimeout;          // for the server's close frame
  base::Duration ping_interval = kPingInterval;          // zero: no pings of our own
  base::Duration pong_timeout = kPongTimeout;            // without any byte while pinging
};

enum class MessageKind : std::uint8_t { kText, kBinary };

struct Opened {
  std::string protocol, extensions;
};
struct Message {
  MessageKind kind;
  base::Bytes bytes;  // kText: valid UTF-8
};
/// Bytes of a message, as given to `send`, that the stream has taken whole.
struct Sent {
  std::size_t size;
};
struct PongReceived {
  base::Bytes payload;
};
/// The last event. Codes: the server's, or 1005 (it gave none), 1006 (no close frame of it came).
struct Closed {
  std::uint16_t code = kAbnormalClosure;
  std::string reason;
  bool was_clean = false;            // both close frames passed
  std::optional<base::Error> error;  // why, when it failed
};
using Event = std::variant<Opened, Message, Sent, PongReceived, Closed>;

class Connection {
 public:
  /// `request` has been validated. `stream` and `rng` outlive the connection.
  Connection(net::Stream& stream, HandshakeRequest request, const Config& config, base::Rng& rng,
             base::TimePoint now);
  ~Connection();

  /// Moves bytes both ways as far as they go; true when something moved. Errors become a Closed
  /// event: `ws_bad_handshake`, `ws_handshake_timeout`, `ws_protocol`, `ws_bad_utf8`,
  /// `ws_message_too_big`, `ws_connection_lost`, and the stream's.
  bool advance(base::TimePoint now);
  [[nodiscard]] std::optional<Event> poll_event();

  /// Queues a message; text must be valid UTF-8. Ignored once closing (as in the DOM).
  /// Errors: `usage_queue_full`, `ws_bad_option` (not open yet).
  [[nodiscard]] base::Result<void> send(MessageKind kind, base::ByteView message);
  /// Queues a ping with at most 125 bytes. Errors: `ws_bad_option`.
  [[nodiscard]] base::Result<void> ping(base::ByteView payload);
  /// Starts the closing handshake after what was queued; while opening, gives up at once. Without a
  /// code the close frame is empty. Idempotent. Errors: `ws_bad_option` (code or reason that
  /// callers may not use).
  [[nodiscard]] base::Result<void> close(std::optional<std::uint16_t> code,
                                         std::string_view reason);
  /// The reader took a message of so many bytes: more may come.
  void consumed(std::size_t bytes);

  [[nodiscard]] base::Deadline next_deadline() const;
  /// The stream is of no more use.
  [[nodiscard]] bool done() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::websocket
