// A TLS server over any net::Stream, itself a net::Stream, for tests and the simulation. It can
// also misbehave in the ways that clients must survive.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/net/stream.h"
#include "support/tls/test_ca.h"

namespace mix::test {

enum class TlsVersion : std::uint8_t { k12, k13 };

/// What servers of one operator share, so that each takes the others' tickets. Outlives them.
class TicketKeys {
 public:
  TicketKeys(const base::Clock& clock, base::Rng& rng);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  [[nodiscard]] std::size_t issued() const;
  /// Connections that were resumed by one.
  [[nodiscard]] std::size_t accepted() const;

  class Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct TlsServerOptions {
  Identity identity;
  std::vector<std::string> alpn = {};  // empty: no ALPN
  TlsVersion min_version = TlsVersion::k12;
  TlsVersion max_version = TlsVersion::k13;
  std::vector<int> ciphersuites = {};      // IANA numbers; empty: mbedTLS' list
  std::vector<std::uint16_t> groups = {};  // IANA numbers; empty: mbedTLS' list
  bool ask_for_client_certificate = false;
  TicketKeys* tickets = nullptr;  // null: gives out none
};

class TlsServerStream : public net::Stream {
 public:
  /// The server name that the client sent; empty when none.
  [[nodiscard]] virtual std::string_view server_name() const = 0;
  [[nodiscard]] virtual std::string_view alpn() const = 0;

  /// Key updates that the client sent.
  [[nodiscard]] virtual std::size_t key_updates() const = 0;

  /// Sends an alert of the given level (1 warning, 2 fatal).
  virtual void send_alert(std::uint8_t level, std::uint8_t description) = 0;
  /// Sends a handshake message (type, length, body) in a record of its own, after the handshake.
  virtual void send_handshake_message(base::ByteView message) = 0;
  /// Changes this side's keys, and asks for the client's to change too.
  virtual void update_keys() = 0;
  /// Ends the transport without close_notify.
  virtual void end_without_notice() = 0;
};

/// Starts the server side of a handshake. `clock` and `rng` outlive the stream.
[[nodiscard]] std::unique_ptr<TlsServerStream> accept_tls(std::unique_ptr<net::Stream> transport,
                                                          TlsServerOptions options,
                                                          const base::Clock& clock, base::Rng& rng);

}  // namespace mix::test
