// Puts one Node on sockets: its listeners, its connections to other nodes, its clients'
// WebSockets, its timer, and at exits the Exit behind it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "client_socket.h"
#include "mix/base/log.h"
#include "mix/host/system_clock.h"
#include "mix/localnet/cluster.h"
#include "mix/localnet/exit.h"
#include "peer_links.h"

namespace mix::localnet {

/// A bound socket that does not listen yet: connections are refused, but the port is kept.
class Listener {
 public:
  /// Throws boost::system::system_error when the address is taken.
  Listener(boost::asio::io_context& io, const boost::asio::ip::tcp::endpoint& endpoint);

  [[nodiscard]] boost::asio::ip::tcp::endpoint endpoint() const { return endpoint_; }
  using Accepted = std::function<void(boost::asio::ip::tcp::socket)>;
  /// `accepted` is called until stop().
  void start(Accepted accepted);
  /// Refuses connections from now on; the port stays ours.
  void stop();
  /// Gives the port back.
  void close();

 private:
  class Impl;
  void bind();

  boost::asio::io_context& io_;
  boost::asio::ip::tcp::endpoint endpoint_;
  std::shared_ptr<Impl> impl_;
};

/// Held by a shared_ptr: handlers of its connections refer to it weakly.
class NodeHost : public std::enable_shared_from_this<NodeHost> {
 public:
  struct Config {
    base::Duration reconnect_backoff{};
    /// Exits only.
    std::optional<ExitConfig> exit;
  };

  /// `entry`, `rng`, `log` and `clock` must outlive the host. The listeners are those whose ports
  /// stand in `entry`; clients' may be absent.
  NodeHost(boost::asio::io_context& io, ClusterNode& entry, const Config& config,
           std::unique_ptr<Listener> mix_listener, std::unique_ptr<Listener> client_listener,
           base::Rng& rng, base::Log& log, const host::SystemClock& clock);
  ~NodeHost();

  /// Begins to listen; call once.
  void start();
  /// Ends everything; the host is of no use afterwards.
  void stop();

  void kill();
  void restart();
  void cut_links();
  /// Null at nodes that are no exits.
  [[nodiscard]] Exit* exit() { return exit_.get(); }
  [[nodiscard]] const Exit* exit() const { return exit_.get(); }

 private:
  class FrameConnection;

  void listen();
  void accept_node(boost::asio::ip::tcp::socket socket);
  void accept_client(boost::asio::ip::tcp::socket socket);
  void client_opened(const std::shared_ptr<ClientSocket>& socket, std::uint64_t key);
  void receive(const sphinx::Frame& frame);
  /// Pumps the node in a handler of its own, once for all inputs until then.
  void wake();
  void pump();
  void carry_out(NodeOutput output);
  void arm_timer();
  void drop_connections();

  struct Client {
    std::shared_ptr<ClientSocket> socket;
    std::optional<LinkId> link;  // set once the upgrade is done
  };

  boost::asio::io_context& io_;
  Node& node_;
  const host::SystemClock& clock_;
  std::unique_ptr<Listener> mix_listener_, client_listener_;
  PeerLinks peers_;
  boost::asio::steady_timer timer_;
  std::set<std::shared_ptr<FrameConnection>> incoming_;
  std::map<std::uint64_t, Client> clients_;         // by a key of ours
  std::map<LinkId, std::uint64_t> client_of_link_;  // link -> key
  std::uint64_t next_client_ = 1;
  std::unique_ptr<Exit> exit_;
  bool pump_scheduled_ = false;
  bool stopped_ = false;
};

}  // namespace mix::localnet
