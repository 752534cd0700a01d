// What an operator puts before a directory and a gateway: servers that end TLS on loopback and pass
// on, with the throw-away authority's certificates. Each connection has a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "localnet/running_network.h"
#include "mix/crypto/system_rng.h"
#include "mix/host/system_clock.h"
#include "support/socket_stream.h"
#include "support/tls/tls_server.h"

namespace mix::test {

/// One connection whose TLS ends here, moved by its own thread.
class TlsPeer {
 public:
  TlsPeer(int socket, const Identity& identity, const std::atomic<bool>& stop) : stop_(stop) {
    auto transport = std::make_unique<SocketStream>(SocketStream::Accepted{socket});
    transport_ = transport.get();
    TlsServerOptions options;
    options.identity = identity;
    options.alpn = {"http/1.1"};
    stream_ = accept_tls(std::move(transport), std::move(options), clock_, rng_);
  }

  /// Waits for either side a little, and moves this one. False when the connection is over.
  bool turn(const SocketStream* other = nullptr) {
    std::array<pollfd, 2> waiting{transport_->interest(), pollfd{-1, 0, 0}};
    if (other != nullptr) waiting[1] = other->interest();
    ::poll(waiting.data(), waiting.size(), kPatienceMs);
    stream_->advance(clock_.now());
    return !stop_ && !stream_->error() && !stream_->at_end();
  }
  [[nodiscard]] net::Stream& stream() { return *stream_; }
  /// Hands all of it over; false when the connection ended before.
  bool write(base::ByteView bytes) { return write_all(*stream_, bytes); }
  bool write_all(net::Stream& to, base::ByteView bytes) {
    while (!bytes.empty()) {
      const auto taken = to.write(bytes);
      if (!taken || stop_ || stream_->error()) return false;
      bytes = bytes.subspan(*taken);
      if (!bytes.empty()) turn();
    }
    return true;
  }

 private:
  static constexpr int kPatienceMs = 20;

  const std::atomic<bool>& stop_;
  host::SystemClock clock_;
  crypto::SystemRng rng_;
  SocketStream* transport_;  // the lowest part of stream_
  std::unique_ptr<TlsServerStream> stream_;
};

/// Accepts connections at a port of loopback and lets `serve` have each.
class TlsFront {
 public:
  using Serve = std::function<void(TlsPeer&)>;

  TlsFront(Identity identity, Serve serve)
      : identity_(std::move(identity)), serve_(std::move(serve)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    // The socket interface takes every family behind one pointer type.
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, generic, size), 0);
    EXPECT_EQ(::listen(listener_, SOMAXCONN), 0);
    EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept(); });
  }
  ~TlsFront() {
    stop_ = true;
    ::shutdown(listener_, SHUT_RDWR);  // ends accept()
    thread_.join();
    for (auto& connection : connections_) connection.join();
    ::close(listener_);
  }
  TlsFront(const TlsFront&) = delete;
  TlsFront& operator=(const TlsFront&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Connections on which the client said something after the handshake.
  [[nodiscard]] int served() const { return served_; }

 private:
  void accept() {
    while (!stop_) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) continue;
      connections_.emplace_back([this, socket] {
        TlsPeer peer(socket, identity_, stop_);
        while (peer.stream().readable() == 0) {
          if (!peer.turn()) return;
        }
        ++served_;
        serve_(peer);
      });
    }
  }

  Identity identity_;
  Serve serve_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int> served_ = 0;
  std::vector<std::thread> connections_;  // the accepting thread's until that has ended
  std::thread thread_;
};

/// Passes bytes both ways between the client and a port of this machine.
inline TlsFront::Serve relay_to(std::uint16_t port) {
  return [port](TlsPeer& peer) {
    SocketStream server(port);
    std::array<std::uint8_t, 16384> buffer{};
    const auto move = [&](net::Stream& from, net::Stream& to) {
      while (const std::size_t size = from.read(buffer)) {
        if (!peer.write_all(to, base::ByteView{buffer}.first(size))) return false;
      }
      return true;
    };
    do {
      server.advance({});
      if (!move(peer.stream(), server) || !move(server, peer.stream())) return;
    } while (!server.at_end() && peer.turn(&server));
  };
}

/// Answers one request by what the directory at `port` says, after `edit` had a look at it.
inline TlsFront::Serve directory_at(std::uint16_t port,
                                    std::function<void(std::string& body)> edit) {
  return [port, edit = std::move(edit)](TlsPeer& peer) {
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      std::array<std::uint8_t, 4096> buffer{};
      const std::size_t size = peer.stream().read(buffer);
      request += base::to_string(base::ByteView{buffer}.first(size));
      if (size == 0 && !peer.turn()) return;
    }
    const std::size_t start = request.find(' ') + 1;
    const std::string target = request.substr(start, request.find(' ', start) - start);
    auto answer = localnet::HttpClient(port).ask(localnet::http::verb::get, target);
    edit(answer.body());
    const std::string head = "HTTP/1.1 " + std::to_string(answer.result_int()) +
                             " \r\nContent-Type: application/json\r\nConnection: close\r\n" +
                             "Content-Length: " + std::to_string(answer.body().size()) + "\r\n\r\n";
    if (!peer.write(base::as_bytes(head + answer.body()))) return;
    peer.stream().shutdown();
    while (peer.turn()) {
    }
  };
}

}  // namespace mix::test
