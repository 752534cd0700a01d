#include "tcp_relay.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>

#include "mix/host/system_clock.h"
#include "tcp_endpoint.h"

namespace mix::localnet {

using base::Bytes;
using base::ByteView;
using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kReadSize = std::size_t{64} * 1024;
constexpr std::chrono::seconds kDialTimeout{20};

boost::asio::ip::address to_asio(const IpAddress& address) {
  if (address.family == Family::kV6) return boost::asio::ip::address_v6{address.bytes};
  boost::asio::ip::address_v4::bytes_type four{};
  for (std::size_t i = 0; i < four.size(); ++i) four[i] = address.bytes[i];
  return boost::asio::ip::address_v4{four};
}

}  // namespace

class TcpRelay::Impl : public std::enable_shared_from_this<TcpRelay::Impl> {
 public:
  Impl(boost::asio::io_context& io, const TcpRelayConfig& config, const AddressMap& map,
       base::Rng& rng, Deliver deliver)
      : io_(io), timer_(io), config_(config), map_(map), rng_(rng), deliver_(std::move(deliver)) {}

  void send(const IpPacket& packet, ByteView bytes) {
    const auto segment = parse_tcp_segment(bytes, packet);
    if (!segment) return;
    const Key key{segment->from.port, segment->to};
    const auto found = connections_.find(key);
    if (found != connections_.end()) {
      const auto connection = found->second;
      connection->endpoint.receive(*segment, clock_.now());
      pump(connection);
    } else if (segment->flags.syn && !segment->flags.ack &&
               connections_.size() < config_.max_connections) {
      dial(key, *segment);
    } else if (!segment->flags.rst) {
      refuse(*segment);
    }
    arm();
  }

  std::size_t connections() const { return connections_.size(); }

  void shut() {
    shut_ = true;
    timer_.cancel();
    for (const auto& [key, connection] : connections_) close_with_reset(*connection);
    connections_.clear();
  }

 private:
  struct Key {
    std::uint16_t client_port;
    IpEndpoint destination;
    friend bool operator<(const Key& a, const Key& b) {
      return a.client_port != b.client_port ? a.client_port < b.client_port
                                            : a.destination < b.destination;
    }
  };

  struct Connection {
    Connection(boost::asio::io_context& io, Key its_key, TcpEndpoint its_endpoint)
        : key(its_key), endpoint(std::move(its_endpoint)), socket(io), dial_timer(io) {}
    Key key;
    TcpEndpoint endpoint;
    tcp::socket socket;
    boost::asio::steady_timer dial_timer;
    Bytes read_buffer, write_buffer;
    bool reading = false, writing = false;
    bool target_finished = false, client_finished = false;
  };
  using Handle = std::shared_ptr<Connection>;

  void dial(const Key& key, const TcpSegment& syn) {
    TcpEndpointConfig endpoint;
    endpoint.mtu = config_.mtu;
    const auto connection =
        std::make_shared<Connection>(io_, key, TcpEndpoint{endpoint, syn, rng_.u32(), rng_.u32()});
    connections_[key] = connection;

    const IpEndpoint target = map_.find(key.destination).value_or(key.destination);
    const tcp::endpoint to{to_asio(target.address), target.port};
    error_code error;
    (void)connection->socket.open(to.protocol(), error);
    const auto& outbound =
        target.address.family == Family::kV4 ? config_.outbound_v4 : config_.outbound_v6;
    // The kernel routes a loopback source nowhere but to loopback.
    if (!error && outbound && (!outbound->is_loopback() || target.address.is_loopback())) {
      connection->socket.bind({to_asio(*outbound), 0}, error);
    }
    if (error) {
      connection->endpoint.reset();
      pump(connection);
      return;
    }
    connection->dial_timer.expires_after(kDialTimeout);
    connection->dial_timer.async_wait([connection](const error_code& cancelled) {
      error_code ignored;
      if (!cancelled) connection->socket.close(ignored);
    });
    connection->socket.async_connect(
        to, [self = shared_from_this(), connection](const error_code& failed) {
          self->on_dialled(connection, failed);
        });
  }

  void on_dialled(const Handle& connection, const error_code& failed) {
    connection->dial_timer.cancel();
    if (shut_ || !connection->endpoint.is_dialing()) return;
    if (failed) {
      connection->endpoint.reset();
    } else {
      error_code ignored;
      connection->socket.set_option(tcp::no_delay{true}, ignored);
      connection->endpoint.accept(clock_.now());
    }
    pump(connection);
    arm();
  }

  /// A segment of a connection that nobody knows.
  void refuse(const TcpSegment& segment) {
    TcpSegment out;
    out.from = segment.to;
    out.to = segment.from;
    out.flags.rst = true;
    if (segment.flags.ack) {
      out.sequence = segment.acknowledged;
    } else {
      out.flags.ack = true;
      out.acknowledged = segment.sequence + static_cast<std::uint32_t>(segment.payload.size()) +
                         (segment.flags.syn ? 1 : 0) + (segment.flags.fin ? 1 : 0);
    }
    deliver_(encode(out));
  }

  /// Moves whatever can move.
  void pump(const Handle& connection) {
    TcpEndpoint& endpoint = connection->endpoint;
    while (auto packet = endpoint.poll_output(clock_.now())) deliver_(*std::move(packet));
    if (endpoint.was_aborted()) {
      close_with_reset(*connection);
      connections_.erase(connection->key);
      return;
    }
    if (endpoint.is_done()) {
      error_code ignored;
      connection->socket.close(ignored);
      connections_.erase(connection->key);
      return;
    }
    if (endpoint.is_dialing()) return;
    start_reading(connection);
    start_writing(connection);
    if (!connection->client_finished && !connection->writing && endpoint.at_end()) {
      connection->client_finished = true;
      error_code ignored;
      connection->socket.shutdown(tcp::socket::shutdown_send, ignored);
    }
  }

  void start_reading(const Handle& connection) {
    const std::size_t room = connection->endpoint.writable();
    if (connection->reading || connection->target_finished || room == 0) return;
    connection->reading = true;
    connection->read_buffer.resize(std::min(room, kReadSize));
    connection->socket.async_read_some(
        boost::asio::buffer(connection->read_buffer),
        [self = shared_from_this(), connection](const error_code& error, std::size_t size) {
          self->on_read(connection, error, size);
        });
  }

  void on_read(const Handle& connection, const error_code& error, std::size_t size) {
    connection->reading = false;
    if (shut_) return;
    if (!error) {
      connection->endpoint.write(ByteView{connection->read_buffer}.first(size));
    } else if (error == boost::asio::error::eof) {
      connection->target_finished = true;
      connection->endpoint.finish();
    } else if (error != boost::asio::error::operation_aborted) {
      connection->endpoint.reset();
    }
    pump(connection);
    arm();
  }

  void start_writing(const Handle& connection) {
    const ByteView waiting = connection->endpoint.readable();
    if (connection->writing || waiting.empty()) return;
    connection->writing = true;
    connection->write_buffer = base::to_bytes(waiting.first(std::min(waiting.size(), kReadSize)));
    connection->socket.async_write_some(
        boost::asio::buffer(connection->write_buffer),
        [self = shared_from_this(), connection](const error_code& error, std::size_t size) {
          self->on_written(connection, error, size);
        });
  }

  void on_written(const Handle& connection, const error_code& error, std::size_t size) {
    connection->writing = false;
    if (shut_) return;
    if (!error) {
      connection->endpoint.consume(size);
    } else if (error != boost::asio::error::operation_aborted) {
      connection->endpoint.reset();
    }
    pump(connection);
    arm();
  }

  static void close_with_reset(Connection& connection) {
    error_code ignored;
    connection.dial_timer.cancel();
    connection.socket.set_option(tcp::socket::linger{true, 0}, ignored);
    connection.socket.close(ignored);
  }

  void arm() {
    base::Deadline deadline;
    for (const auto& [key, connection] : connections_) {
      deadline = base::earlier(deadline, connection->endpoint.next_deadline());
    }
    if (deadline == armed_) return;
    armed_ = deadline;
    if (!deadline) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(host::SystemClock::steady(*deadline));
    timer_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error && !self->shut_) self->on_timer();
    });
  }

  void on_timer() {
    armed_.reset();
    const auto now = clock_.now();
    std::vector<Handle> due;
    for (const auto& [key, connection] : connections_) {
      if (is_due(connection->endpoint.next_deadline(), now)) due.push_back(connection);
    }
    for (const Handle& connection : due) {
      connection->endpoint.expire(now);
      pump(connection);
    }
    arm();
  }

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  const TcpRelayConfig config_;
  const AddressMap& map_;
  base::Rng& rng_;
  const host::SystemClock clock_;
  Deliver deliver_;
  std::map<Key, Handle> connections_;
  base::Deadline armed_;
  bool shut_ = false;
};

TcpRelay::TcpRelay(boost::asio::io_context& io, const TcpRelayConfig& config, const AddressMap& map,
                   base::Rng& rng, Deliver deliver)
    : impl_(std::make_shared<Impl>(io, config, map, rng, std::move(deliver))) {}
TcpRelay::~TcpRelay() { impl_->shut(); }
void TcpRelay::send(const IpPacket& packet, ByteView bytes) { impl_->send(packet, bytes); }
std::size_t TcpRelay::connections() const { return impl_->connections(); }

}  // namespace mix::localnet
