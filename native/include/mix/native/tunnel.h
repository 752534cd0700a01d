// A tunnel through the mixnet for native programs: blocking TCP streams and UDP sockets whose names
// are resolved, and whose packets leave, at an exit of the network. One thread of the tunnel's own
// runs the engine; every call here may come from any thread.
//
// Every wait has a time-out, after which the call ends with `net_connect_timeout` and what it was
// waiting for goes on. Errors are values (base::Error): `base::describe` gives a sentence.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "mix/base/bytes.h"
#include "mix/tunnel/channel.h"
#include "mix/tunnel/engine.h"
#include "mix/tunnel/options.h"

namespace mix::native {

using Timeout = std::chrono::milliseconds;

inline constexpr Timeout kSetUpTimeout{120'000};
inline constexpr Timeout kConnectTimeout{60'000};
inline constexpr Timeout kIoTimeout{120'000};

struct TunnelConfig {
  /// What the tunnel shall be like; `nym_api_urls` must name a directory.
  tunnel::Options options;
  /// PEM of further authorities that may vouch for directory and gateway themselves, beside
  /// Mozilla's. (`options.extra_roots` is for servers behind the tunnel.)
  std::string outer_roots;
};

class TunnelCore;  // what tunnel and sockets share
struct Channel;

/// A TCP or TLS connection through the tunnel. Movable; ends when destroyed.
class TcpStream {
 public:
  TcpStream(TcpStream&&) noexcept = default;
  TcpStream& operator=(TcpStream&&) noexcept;
  ~TcpStream();

  /// Waits for bytes and moves up to `out.size()` of them; 0: the peer has ended its direction.
  /// Errors: `net_connect_timeout`, `tunnel_shut_down`, those of the connection
  /// (`net_connection_reset`, `tls_truncated`, ...).
  [[nodiscard]] base::Result<std::size_t> read(base::MutByteView out, Timeout timeout = kIoTimeout);
  /// Hands all bytes over; waits while too much is under way. After `net_connect_timeout` an
  /// unknown part was handed over: close the stream. Errors: as read, `usage_stale_handle` (closed
  /// by us).
  [[nodiscard]] base::Result<void> write(base::ByteView bytes, Timeout timeout = kIoTimeout);
  /// Ends our direction after what was written; reading goes on.
  [[nodiscard]] base::Result<void> end_writing();
  /// Ends both directions in order and waits for it; drops the connection at the time-out. What was
  /// not read is gone.
  [[nodiscard]] base::Result<void> close(Timeout timeout = kIoTimeout);

  /// IP literal and port of the server.
  [[nodiscard]] std::string remote_address() const;
  [[nodiscard]] std::uint16_t remote_port() const;
  /// The protocol that ALPN agreed on; empty without TLS or agreement.
  [[nodiscard]] std::string alpn() const;

 private:
  friend class Tunnel;
  TcpStream(std::shared_ptr<TunnelCore> core, std::shared_ptr<Channel> channel);

  std::shared_ptr<TunnelCore> core_;
  std::shared_ptr<Channel> channel_;  // null once moved from
};

struct Datagram {
  base::Bytes bytes;
  std::string address;  // of the sender
  std::uint16_t port = 0;
};

/// A UDP socket at the exit. Movable; ends when destroyed.
class UdpSocket {
 public:
  UdpSocket(UdpSocket&&) noexcept = default;
  UdpSocket& operator=(UdpSocket&&) noexcept;
  ~UdpSocket();

  /// Sends one datagram; names are resolved through the tunnel first. As always with UDP nobody
  /// tells whether it arrives. Errors: `tunnel_shut_down`, `net_bad_address`, `usage_queue_full`,
  /// `usage_stale_handle`.
  [[nodiscard]] base::Result<void> send_to(base::ByteView bytes, const std::string& host,
                                           std::uint16_t port);
  /// Waits for one. Errors: `net_connect_timeout`, `tunnel_shut_down`.
  [[nodiscard]] base::Result<Datagram> receive(Timeout timeout = kIoTimeout);
  void close();

 private:
  friend class Tunnel;
  UdpSocket(std::shared_ptr<TunnelCore> core, std::shared_ptr<Channel> channel);

  std::shared_ptr<TunnelCore> core_;
  std::shared_ptr<Channel> channel_;
};

struct ConnectOptions {
  std::optional<tunnel::TlsRequest> tls;  // none: plain TCP
  Timeout timeout = kConnectTimeout;      // name, TCP and TLS together
};

/// At most one tunnel at a time lives in a process.
class Tunnel {
 public:
  /// Sets up a tunnel and waits until it is ready. Errors: those of the options,
  /// `usage_already_set_up`, `tls_bad_roots`, `tunnel_setup_timeout`, and what set-up ended with.
  [[nodiscard]] static base::Result<Tunnel> open(TunnelConfig config,
                                                 Timeout timeout = kSetUpTimeout);
  Tunnel(Tunnel&&) noexcept = default;
  Tunnel& operator=(Tunnel&&) noexcept;
  /// As close().
  ~Tunnel();

  /// Opens a connection; `host` is a name or an IP literal. Errors: `usage_not_ready`,
  /// `net_connect_timeout`, `tunnel_shut_down`, and why it failed (`dns_not_found`,
  /// `net_connect_refused`, `tls_cert_wrong_host`, ...).
  [[nodiscard]] base::Result<TcpStream> connect(const std::string& host, std::uint16_t port,
                                                ConnectOptions options = {});
  /// Errors: `usage_not_ready`, `usage_no_exit`.
  [[nodiscard]] base::Result<UdpSocket> udp();
  /// Who is on the path; empty while it is being repaired.
  [[nodiscard]] std::optional<tunnel::Info> info() const;
  [[nodiscard]] tunnel::Stats stats() const;
  /// Tells the exit good-bye and stops; sockets end with `tunnel_shut_down`. Idempotent.
  void close();

 private:
  explicit Tunnel(std::shared_ptr<TunnelCore> core);

  std::shared_ptr<TunnelCore> core_;
};

}  // namespace mix::native
