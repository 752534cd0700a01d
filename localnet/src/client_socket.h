// One WebSocket of a client at a gateway. Reports what happens to a handler and sends frames in
// order; closing drops the TCP connection without a close frame. spec: gateway §1.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>

#include "mix/base/bytes.h"
#include "mix/gateway/session.h"
#include "mix/localnet/gateway_core.h"

namespace mix::localnet {

/// What a socket tells its gateway. Never called from within a call of the socket. All are dropped
/// by ClientSocket::abort().
struct ClientSocketHandlers {
  std::function<void()> opened;  // the upgrade is done
  std::function<void(gateway::LinkFrame)> frame;
  std::function<void()> ping;
  std::function<void(base::Bytes)> pong;
  std::function<void()> closed;  // the last call
};

class ClientSocket {
 public:
  virtual ~ClientSocket() = default;
  ClientSocket() = default;
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;

  virtual void start(ClientSocketHandlers handlers) = 0;
  /// A client that reads too slowly is dropped.
  virtual void send(gateway::LinkFrame frame) = 0;
  virtual void ping(base::ByteView payload) = 0;
  /// After what was sent before. `closed` follows.
  virtual void close() = 0;
  /// At once, without any further call of a handler.
  virtual void abort() = 0;
};

/// The connection keeps itself alive until it ends.
[[nodiscard]] std::shared_ptr<ClientSocket> make_client_socket(boost::asio::ip::tcp::socket socket);

}  // namespace mix::localnet
