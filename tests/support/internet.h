// The Internet as an object: lwip_peer.h for C++. Native only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/time.h"
#include "mix/net/address.h"
#include "support/lwip_peer.h"

namespace mix::test {

/// Every address of both families, with servers on the ports that the test opens. At most one
/// lives at a time.
class Internet {
 public:
  struct Accepted {
    int connection = 0;
    net::Endpoint local;   // where the client connected to
    net::Endpoint remote;  // the client
  };
  struct Received {
    net::Endpoint local;
    net::Endpoint remote;
    base::Bytes payload;
  };

  explicit Internet(std::uint32_t seed = 1, std::uint16_t mtu = 1500) {
    lwip_peer_start(seed, mtu);
  }
  Internet(const Internet&) = delete;
  Internet& operator=(const Internet&) = delete;
  ~Internet() { lwip_peer_stop(); }

  void receive(base::ByteView packet, base::TimePoint now) {
    lwip_peer_receive(packet.data(), packet.size(), to_ms(now));
  }
  [[nodiscard]] std::optional<base::Bytes> poll_output() {
    const std::size_t size = lwip_peer_poll_output(buffer_.data());
    if (size == 0) return std::nullopt;
    return base::to_bytes(base::ByteView(buffer_).first(size));
  }
  [[nodiscard]] base::Deadline next_deadline() const {
    const std::int64_t at = lwip_peer_next_deadline_ms();
    if (at < 0) return std::nullopt;
    return base::TimePoint{std::chrono::milliseconds{at}};
  }
  void expire(base::TimePoint now) { lwip_peer_expire(to_ms(now)); }

  void listen(std::uint16_t port) { lwip_peer_listen(port); }
  void unlisten(std::uint16_t port) { lwip_peer_unlisten(port); }
  [[nodiscard]] std::optional<Accepted> accept(std::uint16_t port) {
    lwip_peer_endpoint local{}, remote{};
    const int connection = lwip_peer_accept(port, &local, &remote);
    if (connection == 0) return std::nullopt;
    return Accepted{connection, from_peer(local), from_peer(remote)};
  }
  /// Up to `most` received bytes.
  [[nodiscard]] base::Bytes read(int connection, std::size_t most = 1 << 20) {
    base::Bytes out(std::min(most, lwip_peer_readable(connection)));
    out.resize(lwip_peer_read(connection, out.data(), out.size()));
    return out;
  }
  /// Returns how many bytes were taken.
  std::size_t write(int connection, base::ByteView bytes) {
    return lwip_peer_write(connection, bytes.data(), bytes.size());
  }
  [[nodiscard]] lwip_peer_state state(int connection) const {
    return lwip_peer_connection_state(connection);
  }

  void bind_udp(std::uint16_t port) { lwip_peer_udp_bind(port); }
  [[nodiscard]] std::optional<Received> receive_udp(std::uint16_t port) {
    lwip_peer_endpoint local{}, remote{};
    const int size = lwip_peer_udp_receive(port, buffer_.data(), buffer_.size(), &local, &remote);
    if (size < 0) return std::nullopt;
    return Received{from_peer(local), from_peer(remote),
                    base::to_bytes(base::ByteView(buffer_).first(static_cast<std::size_t>(size)))};
  }
  void send_udp(const net::Endpoint& local, const net::Endpoint& remote, base::ByteView payload) {
    const lwip_peer_endpoint from = to_peer(local);
    const lwip_peer_endpoint to = to_peer(remote);
    lwip_peer_udp_send(&from, &to, payload.data(), payload.size());
  }

 private:
  static std::uint64_t to_ms(base::TimePoint now) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
  }
  static net::Endpoint from_peer(const lwip_peer_endpoint& endpoint) {
    if (endpoint.version == 4) {
      net::Ipv4 v4;
      std::copy_n(endpoint.bytes, v4.octets.size(), v4.octets.begin());
      return {v4, endpoint.port};
    }
    net::Ipv6 v6;
    std::copy_n(endpoint.bytes, v6.octets.size(), v6.octets.begin());
    return {v6, endpoint.port};
  }
  static lwip_peer_endpoint to_peer(const net::Endpoint& endpoint) {
    lwip_peer_endpoint out{};
    out.port = endpoint.port;
    if (const auto* v4 = std::get_if<net::Ipv4>(&endpoint.address)) {
      out.version = 4;
      std::copy(v4->octets.begin(), v4->octets.end(), out.bytes);
    } else {
      const auto& v6 = std::get<net::Ipv6>(endpoint.address);
      out.version = 6;
      std::copy(v6.octets.begin(), v6.octets.end(), out.bytes);
    }
    return out;
  }

  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(65535);
};

}  // namespace mix::test
