// A connection to one resolver that many questions share: TCP, TLS or HTTPS.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "mix/base/bytes.h"
#include "mix/base/time.h"
#include "mix/dns/server.h"
#include "mix/net/stream.h"

namespace mix::dns {

/// What became of the question with this id.
struct Reply {
  std::uint16_t id = 0;
  base::Result<base::Bytes> message;  // starts with the id
};

/// Messages go in and come out whole; whoever owns the link keeps the ids of open questions apart.
class Link {
 public:
  Link() = default;
  virtual ~Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Another question may be put now.
  [[nodiscard]] virtual bool accepts() const = 0;
  /// Puts a message of at least a header, whose id no open question has; it is sent once the
  /// connection stands.
  virtual void ask(base::ByteView message, base::TimePoint now) = 0;
  /// Nobody waits for this answer any more. True when it may come nevertheless.
  [[nodiscard]] virtual bool forget(std::uint16_t id) = 0;
  [[nodiscard]] virtual std::optional<Reply> poll_reply() = 0;
  /// Why no more replies come; read after all that did come. `dns_malformed` when the resolver
  /// ended the connection or sent what is no message.
  [[nodiscard]] virtual std::optional<base::Error> end() const = 0;
  /// Says goodbye; nothing follows.
  virtual void close() = 0;

  /// Sends and receives. Called once per turn.
  virtual void advance(base::TimePoint now) = 0;
  [[nodiscard]] virtual base::Deadline next_deadline() const = 0;
};

/// The framing of DNS over TCP (RFC 1035 §4.2.2, RFC 7766) over a stream that may still be
/// connecting.
[[nodiscard]] std::unique_ptr<Link> link_over(std::unique_ptr<net::Stream> stream);

/// Opens the links that this rung cannot: it knows neither TLS nor HTTP.
class LinkOpener {
 public:
  virtual ~LinkOpener() = default;
  /// For `server`'s transport kTls or kHttps. Errors: those of net::Stack::connect.
  [[nodiscard]] virtual base::Result<std::unique_ptr<Link>> open(const Server& server,
                                                                 base::TimePoint now) = 0;
};

}  // namespace mix::dns
