#include "mix/localnet/nat.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <system_error>
#include <vector>

#include "echo6.h"
#include "flow_table.h"
#include "slirp_stack.h"
#include "tcp_relay.h"

namespace mix::localnet {

using base::Bytes;
using base::ByteView;

namespace {

std::uint32_t to_epoll(short events) {
  std::uint32_t out = 0;
  if ((events & POLLIN) != 0) out |= EPOLLIN;
  if ((events & POLLOUT) != 0) out |= EPOLLOUT;
  if ((events & POLLPRI) != 0) out |= EPOLLPRI;
  return out;
}

int make_epoll() {
  const int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

}  // namespace

/// slirp tells its descriptors anew before each wait. They are mirrored into one epoll instance,
/// and the io_context waits for that.
class Nat::Impl : public std::enable_shared_from_this<Nat::Impl> {
 public:
  Impl(boost::asio::io_context& io, const NatConfig& config, base::Rng& rng, Deliver deliver)
      : config_(config),
        rng_(rng),
        deliver_(std::move(deliver)),
        io_(io),
        timer_(io),
        epoll_(io, make_epoll()) {}

  void open(SessionId id, const IpAddress& v4, const IpAddress& v6) {
    close(id);
    sessions_.try_emplace(id, config_, v4, v6);
  }

  void close(SessionId id) {
    if (sessions_.erase(id) > 0) schedule_service();
  }

  void send(SessionId id, ByteView ip_packet) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
      ++stats_.dropped;
      return;
    }
    Session& session = found->second;
    const auto parsed = parse_ip_packet(ip_packet);
    const bool echo = parsed && is_icmp_echo(*parsed);
    const bool tcp = parsed && parsed->transport == Transport::kTcp;
    const bool udp = parsed && parsed->transport == Transport::kUdp;
    if (!echo && !tcp && !udp) {  // nothing that a socket could stand for
      ++stats_.dropped;
      return;
    }
    ++stats_.packets_out;
    if (tcp && config_.tcp == TcpEnds::kHere) {
      relay_of(id, session).send(*parsed, ip_packet);
      return;
    }
    Bytes packet = base::to_bytes(ip_packet);
    const auto destination = session.flows.translate_out(packet);
    if (!destination) {
      ++stats_.dropped;
    } else if (echo && destination->family == Family::kV6) {
      if (const auto translated = parse_ip_packet(packet)) {
        echo_of(id, session).send(*translated, packet);
      }
    } else {
      stack_towards(id, session, *destination).send(packet);
      schedule_service();
    }
  }

  void shut() {
    shut_ = true;
    timer_.cancel();
    epoll_.close();
    sessions_.clear();
  }

  NatStats stats() const {
    NatStats out = stats_;
    out.sockets = watched_.size();
    for (const auto& [id, session] : sessions_) {
      out.flows += session.flows.size();
      if (session.tcp) out.sockets += session.tcp->connections();
    }
    return out;
  }

 private:
  struct Session {
    Session(const NatConfig& config, const IpAddress& v4_address, const IpAddress& v6_address)
        : v4(v4_address), v6(v6_address), flows(config.map, config.max_flows) {}
    IpAddress v4, v6;
    FlowTable flows;
    /// Two, since a loopback source address reaches nothing but loopback.
    std::unique_ptr<SlirpStack> to_world, to_loopback;
    std::unique_ptr<Echo6> echo6;
    std::unique_ptr<TcpRelay> tcp;
  };

  TcpRelay& relay_of(SessionId id, Session& session) {
    if (!session.tcp) {
      const TcpRelayConfig config{config_.mtu, config_.outbound_v4, config_.outbound_v6};
      session.tcp =
          std::make_unique<TcpRelay>(io_, config, config_.map, rng_, [this, id](Bytes packet) {
            untranslated_.emplace_back(id, std::move(packet));
            schedule_delivery();
          });
    }
    return *session.tcp;
  }

  Echo6& echo_of(SessionId id, Session& session) {
    if (!session.echo6) {
      session.echo6 = std::make_unique<Echo6>(io_, [this, id](Bytes packet) {
        received_.emplace_back(id, std::move(packet));
        schedule_service();
      });
    }
    return *session.echo6;
  }

  SlirpStack& stack_towards(SessionId id, Session& session, const IpAddress& destination) {
    const auto is_local = [](const std::optional<IpAddress>& address) {
      return address && address->is_loopback();
    };
    const bool split = is_local(config_.outbound_v4) || is_local(config_.outbound_v6);
    const bool loopback = split && destination.is_loopback();
    std::unique_ptr<SlirpStack>& stack = loopback ? session.to_loopback : session.to_world;
    if (!stack) {
      SlirpStackConfig config{config_.mtu, session.v4, session.v6, config_.outbound_v4,
                              config_.outbound_v6};
      if (!loopback && is_local(config.outbound_v4)) config.outbound_v4.reset();
      if (!loopback && is_local(config.outbound_v6)) config.outbound_v6.reset();
      stack = std::make_unique<SlirpStack>(config, [this, id](ByteView packet) {
        received_.emplace_back(id, base::to_bytes(packet));
      });
    }
    return *stack;
  }

  /// One service per turn of the loop, however many packets came.
  void schedule_service() {
    if (scheduled_ || shut_) return;
    scheduled_ = true;
    boost::asio::post(io_, [self = shared_from_this()] {
      self->scheduled_ = false;
      self->service();
    });
  }

  /// What the relay makes needs neither slirp nor translation.
  void schedule_delivery() {
    if (delivery_scheduled_ || shut_) return;
    delivery_scheduled_ = true;
    boost::asio::post(io_, [self = shared_from_this()] {
      self->delivery_scheduled_ = false;
      self->deliver_untranslated();
    });
  }
  void deliver_untranslated() {
    for (auto batch = std::exchange(untranslated_, {}); !batch.empty();
         batch = std::exchange(untranslated_, {})) {
      for (const auto& [id, packet] : batch) {
        if (shut_ || !sessions_.contains(id)) continue;
        ++stats_.packets_in;
        deliver_(id, packet);
      }
    }
  }

  template <class F>
  void for_each_stack(F&& visit) {
    for (auto& [id, session] : sessions_) {
      if (session.to_world) visit(*session.to_world);
      if (session.to_loopback) visit(*session.to_loopback);
    }
  }

  void service() {
    if (shut_) return;
    for_each_stack([](SlirpStack& stack) {
      std::vector<pollfd> descriptors;
      [[maybe_unused]] const auto timeout = stack.fill(descriptors);
      ::poll(descriptors.data(), descriptors.size(), 0);
      stack.poll(descriptors);
    });
    deliver_received();
    wait();
  }

  void deliver_received() {
    // The receiver may send at once, which appends here.
    for (auto batch = std::exchange(received_, {}); !batch.empty();
         batch = std::exchange(received_, {})) {
      for (auto& [id, packet] : batch) {
        const auto found = sessions_.find(id);
        if (found == sessions_.end()) continue;
        found->second.flows.translate_in(packet);
        ++stats_.packets_in;
        deliver_(id, packet);
      }
    }
  }

  void wait() {
    std::map<int, std::uint32_t> wanted;
    auto timeout = std::chrono::milliseconds::max();
    for_each_stack([&](SlirpStack& stack) {
      std::vector<pollfd> descriptors;
      timeout = std::min(timeout, stack.fill(descriptors));
      for (const pollfd& descriptor : descriptors) {
        wanted[descriptor.fd] = to_epoll(descriptor.events);
      }
    });
    const int epoll = epoll_.native_handle();
    for (const auto& [fd, events] : watched_) {
      if (!wanted.contains(fd)) epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
    }
    // Always told anew: the number may belong to another socket by now, which epoll forgot when
    // the old one was closed.
    for (const auto& [fd, events] : wanted) {
      epoll_event event{};
      event.events = events;
      event.data.fd = fd;
      if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT) {
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
      }
    }
    watched_ = std::move(wanted);

    if (sessions_.empty() || timeout == std::chrono::milliseconds::max()) {
      timer_.cancel();
    } else {
      timer_.expires_after(timeout);
      timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) self->service();
      });
    }
    if (waiting_ || watched_.empty()) return;
    waiting_ = true;
    epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        self->waiting_ = false;
                        if (!error) self->service();
                      });
  }

  const NatConfig config_;
  base::Rng& rng_;
  Deliver deliver_;
  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  boost::asio::posix::stream_descriptor epoll_;
  std::map<SessionId, Session> sessions_;
  std::vector<std::pair<SessionId, Bytes>> received_, untranslated_;
  std::map<int, std::uint32_t> watched_;
  NatStats stats_;
  bool scheduled_ = false, delivery_scheduled_ = false, waiting_ = false, shut_ = false;
};

Nat::Nat(boost::asio::io_context& io, const NatConfig& config, base::Rng& rng, Deliver deliver)
    : impl_(std::make_shared<Impl>(io, config, rng, std::move(deliver))) {}
Nat::~Nat() { impl_->shut(); }

void Nat::open(SessionId session, const IpAddress& v4, const IpAddress& v6) {
  impl_->open(session, v4, v6);
}
void Nat::close(SessionId session) { impl_->close(session); }
void Nat::send(SessionId session, ByteView ip_packet) { impl_->send(session, ip_packet); }
NatStats Nat::stats() const { return impl_->stats(); }

}  // namespace mix::localnet
