// A reliable byte stream: TCP, or TLS over TCP. Applications (http, websocket) see only this.
//
// Nothing calls back: the owner looks at the stream after each turn and moves bytes with `read`
// and `write` until they report nothing more to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "mix/base/bytes.h"
#include "mix/base/time.h"

namespace mix::net {

enum class StreamState : std::uint8_t {
  kConnecting,  // no bytes yet
  kOpen,        // both directions
  kPeerClosed,  // peer sent its end; buffered bytes may still be read, writing still works
  kClosed,      // orderly end of both directions
  kFailed,      // see error()
};

class Stream {
 public:
  virtual ~Stream() = default;

  [[nodiscard]] virtual StreamState state() const = 0;
  /// Set in state kFailed.
  [[nodiscard]] virtual std::optional<base::Error> error() const = 0;

  /// Moves up to out.size() received bytes; 0 when none wait. Reading opens the TCP window, not
  /// reading closes it.
  virtual std::size_t read(base::MutByteView out) = 0;
  /// Received bytes that wait to be read.
  [[nodiscard]] virtual std::size_t readable() const = 0;
  /// Peer has ended and everything was read.
  [[nodiscard]] virtual bool at_end() const = 0;

  /// Takes as many bytes as fit now, perhaps none. Errors: the stream's error, `net_closed`.
  [[nodiscard]] virtual base::Result<std::size_t> write(base::ByteView bytes) = 0;
  /// Bytes that `write` would take now.
  [[nodiscard]] virtual std::size_t writable() const = 0;
  /// Bytes written and not yet acknowledged by the peer.
  [[nodiscard]] virtual std::size_t unacknowledged() const = 0;
  /// Ends our direction after what was written; idempotent.
  virtual void shutdown() = 0;
  /// Drops the connection at once (TCP RST).
  virtual void abort() = 0;

  /// Moves pending work along (TLS handshake, close deadlines). Called once per turn.
  virtual void advance(base::TimePoint now) = 0;
  [[nodiscard]] virtual base::Deadline next_deadline() const = 0;
};

}  // namespace mix::net
