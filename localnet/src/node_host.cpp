// Sockets of one node.
#include "node_host.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "mix/localnet/constants.h"
#include "quiet.h"

namespace mix::localnet {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {
constexpr std::size_t kMaxIncoming = 1024;  // connections from other nodes
constexpr std::size_t kReadSize = 64 * 1024;
constexpr std::chrono::milliseconds kAcceptRetry{100};
}  // namespace

// --- Listener ---

class Listener::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(asio::io_context& io) : acceptor(io), retry(io) {}

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      if (!self->accepted || !self->acceptor.is_open()) return;
      if (error) return self->accept_later();
      // A copy: the handler may stop the listener.
      const Accepted handler = self->accepted;
      handler(std::move(socket));
      if (self->accepted) self->accept();
    });
  }

  /// Out of file descriptors, most likely: not a reason to spin.
  void accept_later() {
    retry.expires_after(kAcceptRetry);
    retry.async_wait([self = shared_from_this()](error_code error) {
      if (!error && self->accepted) self->accept();
    });
  }

  void close() {
    accepted = nullptr;
    retry.cancel();
    close_quietly(acceptor);
  }

  tcp::acceptor acceptor;
  asio::steady_timer retry;
  Accepted accepted;
};

Listener::Listener(asio::io_context& io, const tcp::endpoint& endpoint)
    : io_(io), endpoint_(endpoint) {
  bind();
}

void Listener::bind() {
  impl_ = std::make_shared<Impl>(io_);
  impl_->acceptor.open(endpoint_.protocol());
  impl_->acceptor.set_option(tcp::acceptor::reuse_address(true));
  impl_->acceptor.bind(endpoint_);
  endpoint_ = impl_->acceptor.local_endpoint();
}

void Listener::start(Accepted accepted) {
  impl_->acceptor.listen();
  impl_->accepted = std::move(accepted);
  impl_->accept();
}

void Listener::stop() {
  impl_->close();
  bind();
}

void Listener::close() { impl_->close(); }

// --- connections from other nodes ---

class NodeHost::FrameConnection : public std::enable_shared_from_this<FrameConnection> {
 public:
  FrameConnection(tcp::socket socket, std::weak_ptr<NodeHost> host)
      : socket_(std::move(socket)), host_(std::move(host)), buffer_(kReadSize) {}

  void read() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              self->received(error, size);
                            });
  }

  void close() { close_quietly(socket_); }

 private:
  void received(error_code error, std::size_t size) {
    const auto host = host_.lock();
    if (!host || host->stopped_) return;
    if (error) return end(*host);
    decoder_.receive(base::ByteView(buffer_).first(size));
    while (true) {
      auto frame = decoder_.next();
      // What is no frame ends the connection. spec: gateway §10.1
      if (!frame.has_value()) return end(*host);
      if (!frame->has_value()) break;
      host->receive(**frame);
    }
    read();
  }

  void end(NodeHost& host) {
    close();
    host.incoming_.erase(shared_from_this());
  }

  tcp::socket socket_;
  std::weak_ptr<NodeHost> host_;
  base::Bytes buffer_;
  sphinx::FrameDecoder decoder_;
};

// --- NodeHost ---

NodeHost::NodeHost(asio::io_context& io, ClusterNode& entry, const Config& config,
                   std::unique_ptr<Listener> mix_listener,
                   std::unique_ptr<Listener> client_listener, base::Rng& rng, base::Log& log,
                   const host::SystemClock& clock)
    : io_(io),
      node_(*entry.node),
      clock_(clock),
      mix_listener_(std::move(mix_listener)),
      client_listener_(std::move(client_listener)),
      peers_(io, config.reconnect_backoff,
             [this](std::size_t frames) {
               for (std::size_t i = 0; i < frames; ++i) node_.count_drop(DropReason::kOverflow);
             }),
      timer_(io) {
  if (config.exit) {
    exit_ = std::make_unique<Exit>(io, *config.exit, *entry.exit_keys, entry.identity.public_key,
                                   rng, log, clock,
                                   ExitLink{[this](const mixnet::MixPacket& packet) {
                                              node_.send(packet, clock_.now(), clock_.wall_now());
                                              wake();
                                            },
                                            [this] { return node_.queued() + peers_.backlog(); }});
  }
}

NodeHost::~NodeHost() { stop(); }

void NodeHost::start() {
  listen();
  wake();
}

void NodeHost::stop() {
  if (stopped_) return;
  stopped_ = true;
  exit_.reset();
  mix_listener_->close();
  if (client_listener_) client_listener_->close();
  drop_connections();
  timer_.cancel();
}

void NodeHost::listen() {
  // Weak: a listener's handler must not keep its own owner.
  const std::weak_ptr<NodeHost> weak = weak_from_this();
  mix_listener_->start([weak](tcp::socket socket) {
    if (const auto self = weak.lock()) self->accept_node(std::move(socket));
  });
  if (!client_listener_) return;
  client_listener_->start([weak](tcp::socket socket) {
    if (const auto self = weak.lock()) self->accept_client(std::move(socket));
  });
}

void NodeHost::drop_connections() {
  for (const auto& connection : std::exchange(incoming_, {})) connection->close();
  for (auto& [key, client] : std::exchange(clients_, {})) client.socket->abort();
  client_of_link_.clear();
  peers_.close();
}

void NodeHost::kill() {
  if (!node_.alive()) return;
  mix_listener_->stop();
  if (client_listener_) client_listener_->stop();
  node_.kill();
  drop_connections();
  wake();
}

void NodeHost::restart() {
  if (node_.alive()) return;
  node_.restart();
  listen();
  wake();
}

void NodeHost::cut_links() {
  node_.cut_links();
  wake();
}

void NodeHost::accept_node(tcp::socket socket) {
  if (incoming_.size() >= kMaxIncoming) return;
  const auto connection = std::make_shared<FrameConnection>(std::move(socket), weak_from_this());
  incoming_.insert(connection);
  connection->read();
}

void NodeHost::accept_client(tcp::socket socket) {
  // Too many: accepted and dropped. spec: gateway §1
  if (clients_.size() >= kMaxClientLinks) return;
  const std::uint64_t key = next_client_++;
  const auto client = make_client_socket(std::move(socket));
  clients_.emplace(key, Client{client, std::nullopt});
  const std::weak_ptr<NodeHost> weak = weak_from_this();
  const auto with_link = [weak, key](auto action) {
    const auto self = weak.lock();
    if (!self) return;
    const auto found = self->clients_.find(key);
    if (found == self->clients_.end()) return;
    if (found->second.link) action(*self, *found->second.link);
    self->wake();
  };
  client->start({.opened =
                     [weak, key, client_weak = std::weak_ptr(client)] {
                       const auto self = weak.lock();
                       const auto socket_now = client_weak.lock();
                       if (self && socket_now) self->client_opened(socket_now, key);
                     },
                 .frame =
                     [with_link](gateway::LinkFrame frame) {
                       with_link([&frame](NodeHost& self, LinkId link) {
                         self.node_.receive(link, frame, self.clock_.now(), self.clock_.wall_now());
                       });
                     },
                 .ping =
                     [with_link] {
                       with_link([](NodeHost& self, LinkId link) {
                         self.node_.pinged(link, self.clock_.now(), self.clock_.wall_now());
                       });
                     },
                 .pong =
                     [with_link](base::Bytes payload) {
                       with_link([&payload](NodeHost& self, LinkId link) {
                         self.node_.ponged(link, payload, self.clock_.now(),
                                           self.clock_.wall_now());
                       });
                     },
                 .closed =
                     [weak, key, with_link] {
                       with_link([](NodeHost& self, LinkId link) {
                         self.node_.closed(link, self.clock_.now(), self.clock_.wall_now());
                         self.client_of_link_.erase(link);
                       });
                       if (const auto self = weak.lock()) self->clients_.erase(key);
                     }});
}

void NodeHost::client_opened(const std::shared_ptr<ClientSocket>& socket, std::uint64_t key) {
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  const auto link = node_.open_link(clock_.now());
  if (!link) {
    clients_.erase(found);
    return socket->close();
  }
  found->second.link = link;
  client_of_link_[*link] = key;
  wake();
}

void NodeHost::receive(const sphinx::Frame& frame) {
  node_.receive(frame, clock_.now(), clock_.wall_now());
  wake();
}

void NodeHost::wake() {
  if (pump_scheduled_ || stopped_) return;
  pump_scheduled_ = true;
  asio::post(io_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->pump();
  });
}

void NodeHost::pump() {
  pump_scheduled_ = false;
  if (stopped_) return;
  node_.expire(clock_.now(), clock_.wall_now());
  while (auto output = node_.poll_output()) carry_out(*std::move(output));
  arm_timer();
}

void NodeHost::carry_out(NodeOutput output) {
  if (auto* frame = std::get_if<SendFrame>(&output)) {
    return peers_.send(frame->to, std::move(frame->frame));
  }
  if (const auto* body = std::get_if<DeliverToExit>(&output)) {
    if (exit_) exit_->deliver(body->body);
    return;
  }
  const auto socket_of = [this](LinkId link) -> ClientSocket* {
    const auto key = client_of_link_.find(link);
    return key == client_of_link_.end() ? nullptr : clients_.at(key->second).socket.get();
  };
  if (auto* text = std::get_if<SendToClient>(&output)) {
    if (auto* socket = socket_of(text->link)) socket->send(std::move(text->frame));
  } else if (const auto* ping = std::get_if<PingClient>(&output)) {
    if (auto* socket = socket_of(ping->link)) socket->ping(ping->payload);
  } else if (const auto* close = std::get_if<CloseLink>(&output)) {
    if (auto* socket = socket_of(close->link)) socket->close();
  }
}

void NodeHost::arm_timer() {
  const base::Deadline deadline = node_.next_deadline();
  if (!deadline) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(host::SystemClock::steady(*deadline));
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    if (error) return;
    if (const auto self = weak.lock()) self->pump();
  });
}

}  // namespace mix::localnet
