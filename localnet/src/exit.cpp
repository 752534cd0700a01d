#include "mix/localnet/exit.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "mix/host/system_clock.h"

namespace mix::localnet {

using base::ByteView;
using base::TimePoint;

namespace {

/// Frames that may wait below before the exit holds its own back; then it looks again after the
/// pause, since nobody tells it when the link drains.
constexpr std::size_t kLinkBacklogLimit = 32;
constexpr base::Duration kLinkPause = std::chrono::milliseconds{2};
/// A flood must not starve the other nodes of the loop.
constexpr int kRoundsPerTurn = 64;

}  // namespace

mixnet::TrafficConfig exit_traffic() {
  mixnet::TrafficConfig traffic;
  traffic.disable_main_poisson = true;
  traffic.disable_loop_cover = true;
  return traffic;
}

mixnet::ReplierConfig exit_replier() {
  mixnet::ReplierConfig replier;
  replier.threshold_buffer = 50;  // spec: messages §11.3
  return replier;
}

class Exit::Impl : public std::enable_shared_from_this<Exit::Impl> {
 public:
  Impl(boost::asio::io_context& io, const ExitConfig& config, const mixnet::ClientKeys& keys,
       const crypto::Ed25519PublicKey& gateway, base::Rng& rng, base::Log& log,
       const base::Clock& clock, ExitLink link)
      : io_(io),
        timer_(io),
        clock_(clock),
        link_(std::move(link)),
        client_(config.traffic, config.replier, keys, gateway, rng, log),
        router_(router_config(config), rng) {
    nat_.emplace(io, config.nat, rng, [this](SessionId session, ByteView packet) {
      if (activity_ == ExitActivity::kFrozen) return;
      router_.receive_packet(session, packet, clock_.now());
      schedule();
    });
  }

  mixnet::Recipient address() const { return client_.address(); }

  void set_topology(std::shared_ptr<const directory::Topology> topology) {
    const bool usable = topology != nullptr;
    client_.set_topology(std::move(topology), clock_.now());
    if (usable && !started_) {
      started_ = true;
      client_.start(clock_.now());
    }
    schedule();
  }

  void set_rotation_info(const directory::KeyRotationInfo& info) {
    client_.set_rotation_info(info, clock_.now(), clock_.wall_now());
    schedule();
  }

  void deliver(ByteView delivered) {
    if (activity_ == ExitActivity::kFrozen) return;
    client_.receive(delivered, clock_.now());
    schedule();
  }

  void set_activity(ExitActivity activity) {
    activity_ = activity;
    schedule();
  }

  void set_replier(const mixnet::ReplierConfig& replier) {
    client_.set_replier(replier);
    schedule();
  }

  ExitStats stats() const { return {router_.stats(), nat_->stats(), client_.stats()}; }

  void shut() {
    shut_ = true;
    timer_.cancel();
    nat_.reset();  // its handlers would find an exit that is gone
  }

 private:
  static IpRouterConfig router_config(const ExitConfig& config) {
    IpRouterConfig router = config.router;
    router.is_mapped = [map = config.nat.map](const IpEndpoint& destination) {
      return map.find(destination).has_value();
    };
    return router;
  }

  void schedule() {
    if (scheduled_ || shut_) return;
    scheduled_ = true;
    boost::asio::post(io_, [self = shared_from_this()] {
      self->scheduled_ = false;
      self->turn();
    });
  }

  void turn() {
    if (shut_ || activity_ == ExitActivity::kFrozen) return;
    const TimePoint now = clock_.now();
    if (is_due(client_.next_deadline(), now)) client_.expire(now);
    if (is_due(router_.next_deadline(), now)) router_.expire(now);
    for (int round = 0; round < kRoundsPerTurn && advance(now); ++round) {
    }
    arm(now);
  }

  /// True when something moved.
  bool advance(TimePoint now) {
    bool moved = false;
    while (auto event = client_.poll_event()) {
      moved = true;
      if (const auto* message = std::get_if<mixnet::MessageReceived>(&*event)) {
        router_.receive(message->data, message->sender, now);
      }
    }
    while (auto output = router_.poll_output()) {
      moved = true;
      std::visit([&](auto& value) { carry_out(value, now); }, *output);
    }
    while (auto packet = client_.poll_output(now, backlog())) {
      moved = true;
      link_.send(*std::move(packet));
    }
    return moved;
  }

  void carry_out(RouterReply& reply, TimePoint now) {
    // A client that gave no SURBs gets no answer.
    [[maybe_unused]] const auto sent = client_.reply(reply.to, reply.data, reply.options, now);
  }
  void carry_out(RouterForward& forward, TimePoint /*now*/) {
    nat_->send(forward.session, forward.ip_packet);
  }
  void carry_out(SessionOpened& opened, TimePoint /*now*/) {
    nat_->open(opened.session, opened.v4, opened.v6);
  }
  void carry_out(SessionClosed& closed, TimePoint /*now*/) { nat_->close(closed.session); }

  std::size_t backlog() const { return link_.backlog ? link_.backlog() : 0; }

  void arm(TimePoint now) {
    base::Deadline deadline = base::earlier(client_.next_deadline(), router_.next_deadline());
    if (backlog() >= kLinkBacklogLimit) deadline = now + kLinkPause;
    if (!deadline) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(host::SystemClock::steady(*deadline));
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->turn();
    });
  }

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  const base::Clock& clock_;
  ExitLink link_;
  mixnet::Client client_;
  IpRouter router_;
  std::optional<Nat> nat_;  // empty only when shut
  ExitActivity activity_ = ExitActivity::kRunning;
  bool started_ = false, scheduled_ = false, shut_ = false;
};

Exit::Exit(boost::asio::io_context& io, const ExitConfig& config, const mixnet::ClientKeys& keys,
           const crypto::Ed25519PublicKey& gateway, base::Rng& rng, base::Log& log,
           const base::Clock& clock, ExitLink link)
    : impl_(std::make_shared<Impl>(io, config, keys, gateway, rng, log, clock, std::move(link))) {}
Exit::~Exit() { impl_->shut(); }

mixnet::Recipient Exit::address() const { return impl_->address(); }
void Exit::set_topology(std::shared_ptr<const directory::Topology> topology) {
  impl_->set_topology(std::move(topology));
}
void Exit::set_rotation_info(const directory::KeyRotationInfo& info) {
  impl_->set_rotation_info(info);
}
void Exit::deliver(ByteView delivered) { impl_->deliver(delivered); }
void Exit::set_activity(ExitActivity activity) { impl_->set_activity(activity); }
void Exit::set_replier(const mixnet::ReplierConfig& replier) { impl_->set_replier(replier); }
ExitStats Exit::stats() const { return impl_->stats(); }

}  // namespace mix::localnet
