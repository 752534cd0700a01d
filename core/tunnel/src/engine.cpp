#include "mix/tunnel/engine.h"

#include <deque>
#include <map>
#include <utility>

#include "channel_table.h"
#include "connection_pool.h"
#include "fetch_job.h"
#include "messages.h"
#include "mix/base/encoding.h"
#include "mix/crypto/secret.h"
#include "mix/dns/resolver.h"
#include "mix/http/decoding.h"
#include "mix/http/exchange.h"
#include "mix/net/stack.h"
#include "mix/tls/client.h"
#include "mix/tunnel/path.h"
#include "resolver_links.h"
#include "set_up_times.h"

namespace mix::tunnel {
namespace {

using base::Deadline;
using base::Errc;
using base::Error;
using base::TimePoint;
using base::WallTime;

constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kMaxJobs = 1024;
/// Passes over all rungs in one turn. A flood cannot starve the worker: the rest waits a turn.
constexpr int kTurnBudget = 64;
constexpr base::Duration kFullLinkPause = std::chrono::milliseconds{5};
/// A turn this much later than asked for, or clocks that drift apart by as much between two turns,
/// mean that the host was suspended.
constexpr base::Duration kSuspended = std::chrono::seconds{2};
constexpr std::size_t kFullLinkBytes = 32 * 2452;  // spec: messages §10.5

/// A name look-up that a caller waits for.
struct LookupJob {
  dns::LookupId lookup;
};

}  // namespace

class Engine::Impl {
 public:
  Impl(Options options, const base::Clock& clock, base::Rng& rng, base::Log& log,
       const http::UrlResolver* urls)
      : options_(std::move(options)), clock_(clock), rng_(rng), log_(log), urls_(urls) {}

  base::Result<void> start(StoredKeys stored) {
    if (path_) return Errc::usage_already_set_up;
    MIX_CHECK(validate(options_));
    if (options_.extra_roots.empty()) {
      trust_ = tls::TrustStore::mozilla();
    } else {
      MIX_TRY(trust_, tls::TrustStore::with_extra(options_.extra_roots));
    }
    std::optional<Identity> kept;
    if (stored.use == StoredKeys::Use::kPersistent) {
      vault_ = std::make_unique<KeyVault>(std::move(stored.passphrase));
      if (!stored.record.empty()) {
        auto opened = vault_->open(stored.record);
        crypto::wipe(stored.record);
        MIX_TRY(kept, std::move(opened));
      }
    }
    path_ = std::make_unique<Path>(options_, rng_, log_);
    path_->start(clock_.now(), stored.use, std::move(kept));
    return {};
  }

  void shutdown() {
    if (state_ == State::kShutdown || state_ == State::kFailed) {
      set_state(State::kShutdown, std::nullopt, std::nullopt);
      return;
    }
    set_state(State::kShuttingDown, std::nullopt, std::nullopt);
    fail_jobs(Error{Errc::tunnel_shut_down});
    if (path_) {
      path_->stop(clock_.now(), clock_.wall_now());
      drain_path_outputs();
    }
    teardown_net();
    set_state(State::kShutdown, std::nullopt, std::nullopt);
  }

  Path* path() { return path_.get(); }
  TimePoint now() const { return clock_.now(); }
  WallTime wall_now() const { return clock_.wall_now(); }

  base::Result<void> check_usable() const {
    if (!options_.exit) return Errc::usage_no_exit;
    if (!stack_ || state_ == State::kShutdown || state_ == State::kShuttingDown ||
        state_ == State::kFailed) {
      return Error{Errc::usage_not_ready, 0, std::string{state_name(state_)}};
    }
    if (fetches_.size() + lookups_.size() + channels_.size() >= kMaxJobs)
      return Errc::usage_queue_full;
    return {};
  }

  base::Result<JobId> start_fetch(FetchRequest request) {
    MIX_CHECK(check_usable());
    http::Request first;
    MIX_TRY(first.url, http::Url::parse(request.url));
    if (first.url.scheme != "http" && first.url.scheme != "https") {
      return Error{Errc::usage_bad_scheme, 0, first.url.scheme};
    }
    first.method = request.method;
    first.headers = std::move(request.headers);
    first.body = std::move(request.body);
    first.streamed = request.streamed;
    MIX_CHECK(http::validate(first));
    if (request.default_headers) {
      const bool decodes = request.decompress == Decompress::kOn;
      http::add_default_headers(first.headers, decodes ? http::kAcceptEncoding : "identity");
    }
    const JobId id = ++last_job_;
    ++fetches_started_;
    fetches_.emplace(id, std::make_unique<FetchJob>(id, std::move(request), std::move(first),
                                                    services(), clock_.now()));
    return id;
  }

  base::Result<void> fetch_consumed(JobId job, std::size_t bytes) {
    const auto it = fetches_.find(job);
    if (it == fetches_.end()) return Errc::usage_stale_handle;
    it->second->consumed(bytes);
    return {};
  }

  FetchJob* fetch(JobId job) {
    const auto it = fetches_.find(job);
    return it == fetches_.end() ? nullptr : it->second.get();
  }

  base::Result<JobId> start_lookup(std::string_view host) {
    MIX_CHECK(check_usable());
    const JobId id = ++last_job_;
    lookups_.emplace(id, LookupJob{resolver_->lookup(host, clock_.now())});
    return id;
  }

  base::Result<JobId> send_message(MessageRequest request) {
    if (!was_ready_ || (state_ != State::kReady && state_ != State::kConnecting)) {
      return Error{Errc::usage_not_ready, 0, std::string{state_name(state_)}};
    }
    MIX_CHECK(messages_.start(last_job_ + 1, std::move(request), clock_.now()));
    return ++last_job_;
  }

  base::Result<JobId> open_channel(ChannelRequest request) {
    MIX_CHECK(check_usable());
    const JobId id = ++last_job_;
    MIX_CHECK(channels_.open(id, std::move(request), {dial_services(), actions_}, clock_.now()));
    return id;
  }

  base::Result<void> command(JobId channel, ChannelCommand command) {
    return channels_.command(channel, std::move(command), clock_.now());
  }

  void clear_dns_cache() {
    if (resolver_) resolver_->clear_cache();
  }

  void cancel(JobId job) {
    messages_.cancel(job, path_ ? path_->mixnet() : nullptr);
    fetches_.erase(job);
    channels_.cancel(job);
    if (const auto it = lookups_.find(job); it != lookups_.end()) {
      resolver_->cancel(it->second.lookup);
      lookups_.erase(it);
    }
  }

  Deadline turn() {
    const TimePoint now = clock_.now();
    const WallTime wall_now = clock_.wall_now();
    if (!path_ || state_ == State::kShutdown || state_ == State::kFailed) return std::nullopt;
    notice_sleep(now, wall_now);
    bool busy = true;
    for (int pass = 0; busy && pass < kTurnBudget; ++pass) {
      busy = path_->advance(now, wall_now);
      busy |= handle_path_events(now);
      busy |= messages_.advance(path_->mixnet(), now);
      busy |= advance_net(now);
      busy |= advance_jobs(now);
    }
    drain_path_outputs();
    last_turn_ = LastTurn{now, wall_now, std::nullopt};
    if (state_ == State::kFailed) return std::nullopt;
    if (busy) return now;
    Deadline deadline = next_deadline();
    // A full WebSocket tells nobody when it drains: look again soon, but do not spin.
    if (link_buffered_ >= kFullLinkBytes && deadline) {
      deadline = std::max(*deadline, now + kFullLinkPause);
    }
    last_turn_->next = deadline;
    return deadline;
  }

  std::optional<Action> poll_action() {
    if (actions_.empty()) return std::nullopt;
    Action action = std::move(actions_.front());
    actions_.pop_front();
    return action;
  }

  void wake() {
    if (path_) path_->wake(clock_.now(), clock_.wall_now(), {});
  }

  base::Result<void> switch_exit(const std::optional<std::string>& ipr) {
    if (!path_) return Errc::usage_not_ready;
    return path_->switch_exit(ipr, clock_.now(), clock_.wall_now());
  }

  void note_buffered(std::size_t bytes) { link_buffered_ = bytes; }
  State state() const { return state_; }

  std::optional<Info> info() const {
    if (!path_ || !path_->mixnet() || !path_->entry()) return std::nullopt;
    Info info;
    info.address = path_->mixnet()->address().to_string();
    info.gateway = base::base58_encode(path_->entry()->identity.view());
    if (path_->exit()) info.exit = path_->exit()->to_string();
    info.assignment = path_->assignment();
    return info;
  }

  Stats stats() const {
    Stats stats;
    if (path_ && path_->mixnet()) {
      stats.mixnet = path_->mixnet()->stats();
      if (path_->exit()) stats.surbs_at_exit = path_->mixnet()->surbs_at(*path_->exit());
    }
    if (stack_) stats.net = stack_->stats();
    if (resolver_) stats.dns = resolver_->cache_stats();
    stats.uptime = set_up_times_.uptime(clock_.now());
    stats.set_up = set_up_times_.times();
    stats.fetches_started = fetches_started_;
    stats.fetches = fetches_.size();
    stats.websockets = channels_.open_websockets();
    stats.jobs = fetches_.size() + lookups_.size() + messages_.size() + channels_.size();
    stats.pooled = pool_ ? pool_->idle() : 0;
    return stats;
  }

 private:
  DialServices dial_services() { return {options_, clock_, rng_, *stack_, *resolver_, trust_}; }

  JobServices services() { return {options_, *pool_, actions_, urls_}; }

  void set_state(State state, std::optional<Step> step, std::optional<Error> error) {
    if (state == state_ && !step && !error && announced_) return;
    announced_ = true;
    state_ = state;
    actions_.push_back(StateChanged{state, step, attempt_, std::move(error)});
  }

  void drain_path_outputs() {
    while (auto output = path_->poll_output()) {
      std::visit([&](auto& value) { actions_.push_back(std::move(value)); }, *output);
    }
  }

  bool handle_path_events(TimePoint now) {
    bool moved = false;
    while (auto event = path_->poll_event()) {
      moved = true;
      std::visit([&](auto& value) { on(value, now); }, *event);
    }
    // After the packets that waited for the path: they may be the awaited acknowledgements.
    if (std::exchange(path_returned_, false) && stack_) {
      stack_->resume(now);
      resolver_->resume(now);
    }
    return moved;
  }

  void notice_sleep(TimePoint now, WallTime wall_now) {
    if (!last_turn_) return;
    const base::Duration drift = (wall_now - last_turn_->wall) - (now - last_turn_->at);
    const bool is_late = last_turn_->next && now - *last_turn_->next > kSuspended;
    if (drift <= kSuspended && !is_late) return;
    log_.event("engine.woke", std::chrono::duration_cast<std::chrono::seconds>(drift).count());
    path_->wake(now, wall_now, drift > kSuspended ? drift : base::Duration{});
  }

  void on(StepStarted& step, TimePoint now) {
    set_up_times_.begin(step.step, now);
    attempt_ = step.attempt;
    if (step.step != Step::kReady) set_state(State::kConnecting, step.step, std::nullopt);
  }

  void on(AddressesAssigned& assigned, TimePoint /*now*/) {
    const net::StackConfig config = stack_config(assigned.assignment);
    if (!stack_) {
      stack_ = net::Stack::create(config, clock_, rng_);
      resolver_links_ = std::make_unique<ResolverLinks>(*stack_, trust_, clock_, rng_);
      resolver_ =
          std::make_unique<dns::Resolver>(resolver_config(), *stack_, rng_, resolver_links_.get());
      pool_ = std::make_unique<ConnectionPool>(dial_services());
    } else if (config.ipv4 != address4_ || config.ipv6 != address6_ || path_->exit() != exit_) {
      // TCP connections are tied to the old address: they end here, with a clear reason.
      pool_->drop_idle();
      const char* why =
          path_->exit() != exit_ ? "the exit changed" : "the exit's addresses changed";
      stack_->readdress(config, Error{Errc::ipr_disconnected, 0, why});
    }
    exit_ = path_->exit();
    address4_ = config.ipv4;
    address6_ = config.ipv6;
  }

  void on(PathUp& /*up*/, TimePoint /*now*/) {
    attempt_ = 0;
    was_ready_ = true;
    path_returned_ = true;
    set_state(State::kReady, Step::kReady, std::nullopt);
  }

  void on(IdentityActive& /*active*/, TimePoint /*now*/) {
    const auto identity = path_->identity();
    if (!vault_ || !identity) return;
    auto record = vault_->seal(*identity, rng_);
    if (record) {
      actions_.push_back(SaveKeys{*std::move(record)});
    } else {
      actions_.push_back(Warning{record.error()});
    }
  }

  void on(Warning& warning, TimePoint /*now*/) { actions_.push_back(std::move(warning)); }

  void on(PathBroken& broken, TimePoint /*now*/) {
    attempt_ = broken.attempt;
    set_state(State::kConnecting, broken.step, std::move(broken.error));
  }

  void on(PathFailed& failed, TimePoint /*now*/) {
    fail_jobs(failed.error);
    drain_path_outputs();
    teardown_net();
    set_state(State::kFailed, std::nullopt, std::move(failed.error));
  }

  void on(ipr::PacketReceived& packet, TimePoint now) {
    if (stack_) stack_->receive(packet.ip_packet, now);
  }

  void on(ipr::DestinationDenied& denied, TimePoint /*now*/) {
    auto endpoint = net::parse_endpoint(denied.destination, 0);
    if (!stack_ || !endpoint) return;
    stack_->fail_connects(*endpoint, Error{Errc::ipr_destination_denied, 0, denied.destination});
  }

  void on(MessageArrived& arrived, TimePoint /*now*/) {
    std::optional<std::string> tag;
    if (arrived.message.sender) tag = arrived.message.sender->to_string();
    actions_.push_back(MixMessage{std::move(arrived.message.data), std::move(tag)});
  }

  void on(mixnet::MessageDelivered& delivered, TimePoint /*now*/) { messages_.on(delivered); }
  void on(mixnet::MessageLost& lost, TimePoint /*now*/) { messages_.on(lost, path_->mixnet()); }

  static net::StackConfig stack_config(const ipr::Assignment& assignment) {
    net::StackConfig config;
    config.mtu = assignment.mtu;
    config.ipv4 = net::Ipv4{assignment.ipv4};
    config.ipv6 = net::Ipv6{assignment.ipv6};
    return config;
  }

  dns::ResolverConfig resolver_config() const {
    dns::ResolverConfig config;
    // validate() has parsed both already.
    config.primary = net::parse_endpoint(options_.primary_dns, kDnsPort).value();
    config.fallback = net::parse_endpoint(options_.fallback_dns, kDnsPort).value();
    config.timeout = options_.dns_timeout;
    return config;
  }

  bool advance_net(TimePoint now) {
    if (!stack_) return false;
    bool moved = false;
    if (is_due(stack_->next_deadline(), now)) {
      stack_->expire(now);
      moved = true;
    }
    while (path_->accepts_packets()) {
      auto packet = stack_->poll_output();
      if (!packet) break;
      moved = true;
      if (auto sent = path_->send_packet(*packet, now); !sent) {
        log_.event("engine.packet_refused", static_cast<std::int64_t>(sent.error().code));
      }
    }
    return moved;
  }

  bool advance_jobs(TimePoint now) {
    if (!stack_) return false;
    bool moved = false;
    resolver_->advance(now);
    moved |= pool_->advance(now);
    while (auto done = resolver_->poll_event()) {
      moved = true;
      finish_lookup(*done);
      pool_->lookup_finished(*done, now);
      channels_.lookup_finished(*done, now);
    }
    while (auto done = resolver_->poll_answer()) {
      moved = true;
      channels_.answer_finished(*done);
    }
    moved |= channels_.advance(now);
    for (auto& [id, job] : fetches_) moved |= job->advance(now);
    std::erase_if(fetches_, [](const auto& entry) { return entry.second->done(); });
    return moved;
  }

  void finish_lookup(const dns::LookupDone& done) {
    for (auto it = lookups_.begin(); it != lookups_.end(); ++it) {
      if (it->second.lookup != done.id) continue;
      if (done.addresses) {
        LookupFinished finished{it->first, {}};
        for (const net::IpAddress& address : *done.addresses) {
          finished.addresses.push_back(net::to_string(address));
        }
        actions_.push_back(std::move(finished));
      } else {
        actions_.push_back(JobFailed{it->first, done.addresses.error(), Phase::kDns, true});
      }
      lookups_.erase(it);
      return;
    }
  }

  void fail_jobs(const Error& error) {
    messages_.fail_all(error);
    for (auto& [id, job] : fetches_) job->fail(error);
    fetches_.clear();
    for (const auto& [id, job] : lookups_) {
      actions_.push_back(JobFailed{id, error, Phase::kDns, true});
    }
    lookups_.clear();
    channels_.fail_all(error);
  }

  void teardown_net() {
    pool_.reset();
    resolver_.reset();
    resolver_links_.reset();
    stack_.reset();
  }

  Deadline next_deadline() const {
    Deadline deadline = earlier(path_->next_deadline(), messages_.next_deadline());
    if (stack_) {
      deadline = earlier(deadline, stack_->next_deadline());
      deadline = earlier(deadline, resolver_->next_deadline());
      deadline = earlier(deadline, pool_->next_deadline());
      deadline = earlier(deadline, channels_.next_deadline());
    }
    for (const auto& [id, job] : fetches_) deadline = earlier(deadline, job->next_deadline());
    return deadline;
  }

  const Options options_;
  const base::Clock& clock_;
  base::Rng& rng_;
  base::Log& log_;
  const http::UrlResolver* const urls_;

  State state_ = State::kConnecting;
  bool announced_ = false;
  bool was_ready_ = false;
  std::uint32_t attempt_ = 0;
  SetUpTimes set_up_times_;
  std::uint64_t fetches_started_ = 0;
  struct LastTurn {
    TimePoint at;
    WallTime wall;
    Deadline next;  // what the host was asked for
  };
  std::optional<LastTurn> last_turn_;
  bool path_returned_ = false;  // in this turn
  std::size_t link_buffered_ = 0;
  std::deque<Action> actions_;
  Messages messages_{actions_};
  std::shared_ptr<tls::TrustStore> trust_;
  std::unique_ptr<KeyVault> vault_;
  std::unique_ptr<Path> path_;
  // Destroyed from the bottom up: streams and sockets before the stack that holds them.
  std::unique_ptr<net::Stack> stack_;
  std::unique_ptr<ResolverLinks> resolver_links_;
  std::unique_ptr<dns::Resolver> resolver_;
  std::unique_ptr<ConnectionPool> pool_;
  std::optional<net::Ipv4> address4_;
  std::optional<net::Ipv6> address6_;
  std::optional<mixnet::Recipient> exit_;
  JobId last_job_ = 0;
  std::map<JobId, LookupJob> lookups_;
  std::map<JobId, std::unique_ptr<FetchJob>> fetches_;
  ChannelTable channels_;
};

Engine::Engine(Options options, const base::Clock& clock, base::Rng& rng, base::Log& log,
               const http::UrlResolver* urls)
    : impl_(std::make_unique<Impl>(std::move(options), clock, rng, log, urls)) {}
Engine::~Engine() = default;

base::Result<void> Engine::start(StoredKeys stored) { return impl_->start(std::move(stored)); }
void Engine::shutdown() { impl_->shutdown(); }

void Engine::link_opened(LinkId link) {
  if (Path* path = impl_->path()) path->link_opened(link, impl_->now(), impl_->wall_now());
}
void Engine::link_received(LinkId link, const gateway::LinkFrame& frame) {
  if (Path* path = impl_->path()) {
    path->link_received(link, frame, impl_->now(), impl_->wall_now());
  }
}
void Engine::link_closed(LinkId link) {
  if (Path* path = impl_->path()) path->link_closed(link, impl_->now());
}
void Engine::link_buffered(LinkId link, std::size_t bytes) {
  impl_->note_buffered(bytes);
  if (Path* path = impl_->path()) path->link_buffered(link, bytes);
}
void Engine::directory_answer(RequestId request, int http_status, base::ByteView body) {
  if (Path* path = impl_->path()) path->directory_answer(request, http_status, body, impl_->now());
}
void Engine::directory_failed(RequestId request) {
  if (Path* path = impl_->path()) path->directory_failed(request, impl_->now());
}

base::Result<JobId> Engine::start_fetch(FetchRequest request) {
  return impl_->start_fetch(std::move(request));
}
base::Result<void> Engine::fetch_consumed(JobId job, std::size_t bytes) {
  return impl_->fetch_consumed(job, bytes);
}
void Engine::fetch_body(JobId job, std::uint32_t attempt, base::ByteView piece) {
  if (FetchJob* fetch = impl_->fetch(job)) fetch->body_piece(attempt, piece, impl_->now());
}
void Engine::fetch_body_end(JobId job, std::uint32_t attempt) {
  if (FetchJob* fetch = impl_->fetch(job)) fetch->body_end(attempt, impl_->now());
}
void Engine::fetch_go_on(JobId job, std::optional<std::string> cookie) {
  if (FetchJob* fetch = impl_->fetch(job)) fetch->go_on(std::move(cookie), impl_->now());
}
base::Result<JobId> Engine::start_lookup(std::string_view host) {
  return impl_->start_lookup(host);
}
base::Result<JobId> Engine::send_message(MessageRequest request) {
  return impl_->send_message(std::move(request));
}
void Engine::wake() { impl_->wake(); }
base::Result<void> Engine::switch_exit(const std::optional<std::string>& ipr) {
  return impl_->switch_exit(ipr);
}
base::Result<JobId> Engine::open_channel(ChannelRequest request) {
  return impl_->open_channel(std::move(request));
}
base::Result<void> Engine::command(JobId channel, ChannelCommand command) {
  return impl_->command(channel, std::move(command));
}
void Engine::clear_dns_cache() { impl_->clear_dns_cache(); }
void Engine::cancel(JobId job) { impl_->cancel(job); }

base::Deadline Engine::turn() { return impl_->turn(); }
std::optional<Action> Engine::poll_action() { return impl_->poll_action(); }
State Engine::state() const { return impl_->state(); }
std::optional<Info> Engine::info() const { return impl_->info(); }
Stats Engine::stats() const { return impl_->stats(); }

}  // namespace mix::tunnel
