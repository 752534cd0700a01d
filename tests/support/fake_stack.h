// A stack of which the test is the network: it sees each datagram and connection and answers by
// hand.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "mix/net/stack.h"
#include "support/stream_pair.h"

namespace mix::test {

class FakeStack final : public net::Stack {
 public:
  struct Sent {
    int socket = 0;
    net::Endpoint to;
    base::Bytes payload;
  };
  struct Connection {
    net::Endpoint to;
    std::unique_ptr<net::Stream> server;
    std::shared_ptr<StreamPair> pair;
  };

  /// Datagrams that the test has not yet looked at.
  std::deque<Sent> sent;
  std::vector<Connection> connections;
  std::size_t open_sockets = 0;
  /// Answers of the next calls.
  std::optional<base::Error> udp_error, send_error, connect_error;
  /// New connections stay half open until the test says so (set_connected).
  bool connects_later = false;

  /// Hands a datagram to a socket; false when it is closed.
  bool deliver(int socket, const net::Endpoint& from, base::ByteView payload) {
    for (Socket* open : sockets_) {
      if (open->number != socket) continue;
      open->waiting.push_back({from, base::to_bytes(payload)});
      return true;
    }
    return false;
  }
  bool answer(const Sent& query, base::ByteView payload) {
    return deliver(query.socket, query.to, payload);
  }

  void receive(base::ByteView, base::TimePoint) override {}
  [[nodiscard]] std::optional<base::Bytes> poll_output() override { return std::nullopt; }
  [[nodiscard]] base::Deadline next_deadline() const override { return std::nullopt; }
  void resume(base::TimePoint /*now*/) override {}
  void expire(base::TimePoint) override {}
  [[nodiscard]] base::Result<std::unique_ptr<net::Stream>> connect(const net::Endpoint& to,
                                                                   const net::TcpOptions&,
                                                                   base::TimePoint) override {
    if (connect_error) return *connect_error;
    auto pair = std::make_shared<StreamPair>();
    pair->set_connected(!connects_later);
    auto client = pair->take_client();
    connections.push_back({to, pair->take_server(), pair});
    return client;
  }
  [[nodiscard]] base::Result<std::unique_ptr<net::UdpSocket>> open_udp() override {
    if (udp_error) return *udp_error;
    return std::unique_ptr<net::UdpSocket>(std::make_unique<Socket>(*this));
  }
  void fail_connects(const net::Endpoint&, const base::Error&) override {}
  void readdress(const net::StackConfig&, const base::Error&) override {}
  [[nodiscard]] bool supports(const net::IpAddress&) const override { return true; }
  [[nodiscard]] net::StackStats stats() const override { return {}; }

 private:
  class Socket final : public net::UdpSocket {
   public:
    explicit Socket(FakeStack& stack) : number(++stack.num_sockets_), stack_(stack) {
      stack_.sockets_.push_back(this);
      ++stack_.open_sockets;
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() override {
      std::erase(stack_.sockets_, this);
      --stack_.open_sockets;
    }
    [[nodiscard]] base::Result<void> send(const net::Endpoint& to,
                                          base::ByteView payload) override {
      if (stack_.send_error) return *stack_.send_error;
      stack_.sent.push_back({number, to, base::to_bytes(payload)});
      return {};
    }
    [[nodiscard]] std::optional<net::Datagram> receive() override {
      if (waiting.empty()) return std::nullopt;
      auto first = std::move(waiting.front());
      waiting.pop_front();
      return first;
    }

    const int number;
    std::deque<net::Datagram> waiting;

   private:
    FakeStack& stack_;
  };

  int num_sockets_ = 0;
  std::vector<Socket*> sockets_;
};

}  // namespace mix::test
