#include "mix/tunnel/path.h"

#include <algorithm>
#include <utility>

#include "mix/directory/semver.h"
#include "path_constants.h"

namespace mix::tunnel {
namespace {

using namespace std::chrono_literals;
using base::Deadline;
using base::Errc;
using base::Error;
using base::TimePoint;
using base::WallTime;

constexpr base::Duration kLinkOpenTimeout = 10s;
constexpr std::uint32_t kMaxTopologyFailures = 10;  // then the old topology is dropped
constexpr base::Duration kV10Timeout = 15s;         // spec: ipr §1.1
constexpr base::Duration kSharedExitTimeout = 20s;  // per exit, while others could be tried
constexpr std::size_t kSealedFrameSize = 2452;      // regular packet in its frame, gateway §7.1
/// Without shaping an acknowledgement would leave at once, in a packet of its own.
constexpr base::Duration kAckHold = 10ms;
constexpr std::size_t kMaxLanePackets = 64;  // queued above the schedule
constexpr std::size_t kMaxExitsUsed = 64;    // whose late answers are recognised

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::optional<crypto::Ed25519PublicKey> preferred_entry(const Options& options) {
  if (!options.preferred_gateway) return std::nullopt;
  auto parsed = crypto::parse_ed25519(*options.preferred_gateway);
  return parsed ? std::optional{*parsed} : std::nullopt;
}

}  // namespace

Path::Path(const Options& options, base::Rng& rng, base::Log& log)
    : options_(options),
      rng_(rng),
      log_(log),
      backoff_(options.reconnect),
      directory_([&] {
        directory::ClientConfig config;
        config.base_urls = options.nym_api_urls;
        return config;
      }()),
      pinned_exit_(options.preferred_ipr) {}

Path::~Path() = default;

LinkId Path::current_link() const {
  return std::visit(Overloaded{
                        [](const Idle&) { return LinkId{0}; },
                        [](const Discovering&) { return LinkId{0}; },
                        [](const Failed&) { return LinkId{0}; },
                        [](const auto& phase) { return phase.link; },
                    },
                    phase_);
}

bool Path::up() const { return std::holds_alternative<Up>(phase_); }

void Path::begin_step(Step step) { events_.push_back(StepStarted{step, backoff_.attempts()}); }

void Path::start(TimePoint now, StoredKeys::Use use, std::optional<Identity> kept) {
  if (!std::holds_alternative<Idle>(phase_)) return;
  begin_step(Step::kKeys);
  use_ = use;
  if (kept) {
    home_ = kept->gateway;
    keys_ = std::make_unique<mixnet::ClientKeys>(kept->keys.clone());
    kept_ = std::move(kept);
  } else {
    keys_ = std::make_unique<mixnet::ClientKeys>(mixnet::ClientKeys::generate(rng_));
  }
  begin_step(Step::kDirectory);
  phase_ = Discovering{};
  directory_.fetch_topology(now);
  directory_.fetch_rotation_info(now);
  if (options_.exit) directory_.fetch_exits(now);
}

void Path::stop(TimePoint now, WallTime wall_now) {
  if (ipr_ && ipr_->connected() && session_ && session_->active()) {
    ipr_->disconnect(now, wall_now);
    pump_ipr(now, wall_now);
    pump_packets(now);
  }
  drop_link(now);
  phase_ = Idle{};
}

// --- reports of the host ---

void Path::link_opened(LinkId link, TimePoint now, WallTime wall_now) {
  auto* opening = std::get_if<OpeningLink>(&phase_);
  if (opening == nullptr || opening->link != link) return;
  phase_ = Handshaking{link};
  begin_step(Step::kRegister);
  gateway::SessionConfig config;
  config.gateway_identity = entry_->identity;
  config.last_login_timestamp = last_login_;
  std::optional<gateway::SharedKey> known;
  if (shared_key_) known = shared_key_->clone();
  session_ =
      std::make_unique<gateway::Session>(config, keys_->identity, std::move(known), rng_, log_);
  session_->opened(now, wall_now);
}

void Path::link_received(LinkId link, const gateway::LinkFrame& frame, TimePoint now,
                         WallTime wall_now) {
  if (link != current_link() || !session_) return;
  link_watch_.heard(now);
  session_->receive(frame, now, wall_now);
}

void Path::link_closed(LinkId link, TimePoint now) {
  if (link == 0 || link != current_link()) return;
  if (std::holds_alternative<OpeningLink>(phase_)) {
    link_attempt_failed(now);
  } else if (session_) {
    session_->closed(now);  // ends in SessionFailed
  }
}

void Path::link_buffered(LinkId link, std::size_t bytes) {
  if (link == current_link()) link_buffered_ = bytes;
}

void Path::directory_answer(RequestId request, int http_status, base::ByteView body,
                            TimePoint now) {
  directory_.receive(request, http_status, body, now);
}

void Path::directory_failed(RequestId request, TimePoint now) { directory_.failed(request, now); }

// --- set-up and repair ---

void Path::drop_link(TimePoint now) {
  if (const LinkId link = current_link(); link != 0) outputs_.push_back(CloseLink{link});
  if (session_) last_login_ = session_->login_timestamp();
  session_.reset();
  link_buffered_ = 0;
  link_watch_.reset();
  if (mixnet_) mixnet_->stop(now);
  if (ipr_) ipr_->suspend();
}

/// A fresh pseudonym: nothing ties it to what the last gateway saw. Kept keys stay what they are.
void Path::new_identity(TimePoint now) {
  ipr_.reset();  // its addresses belong to the old sender tag
  exits_used_.clear();
  assignment_.reset();
  connect_request_.reset();
  mixnet_.reset();
  if (use_ == StoredKeys::Use::kEphemeral) {
    keys_ = std::make_unique<mixnet::ClientKeys>(mixnet::ClientKeys::generate(rng_));
  }
  shared_key_.reset();
  last_login_ = 0;
  mixnet_ = std::make_unique<mixnet::Client>(options_.traffic, mixnet::ReplierConfig{}, *keys_,
                                             entry_->identity, rng_, log_);
  mixnet_->set_topology(topology_, now);
}

std::optional<Identity> Path::identity() const {
  if (!keys_ || !shared_key_ || !entry_) return std::nullopt;
  return Identity{.keys = keys_->clone(),
                  .gateway = entry_->identity,
                  .shared_key = shared_key_->clone(),
                  .last_login = last_login_};
}

/// The pinned gateway; else the one where the kept address is, if it can be used; else any.
base::Result<directory::EntryChoice> Path::choose_entry() {
  std::vector<directory::Node> candidates;
  for (const directory::Node& node : topology_->gateways()) {
    if (node.roles.entry || node.entry) candidates.push_back(node);
  }
  const directory::Tls tls =
      options_.force_tls ? directory::Tls::kRequired : directory::Tls::kOptional;
  const auto pinned = preferred_entry(options_);
  if (!pinned && home_ && std::ranges::find(bad_entries_, *home_) == bad_entries_.end()) {
    auto home = directory::choose_entry(candidates, home_, bad_entries_, tls, rng_);
    if (home) return home;
  }
  return directory::choose_entry(candidates, pinned, bad_entries_, tls, rng_);
}

void Path::open_entry(TimePoint now) {
  begin_step(Step::kGateway);
  auto choice = choose_entry();
  if (!choice) {
    // Running out of gateways is the consequence; the first gateway's refusal is the cause.
    bad_entries_.clear();
    fail_or_retry(last_error_.value_or(choice.error()), Lost::kGateway, now);
    return;
  }
  entry_ = *std::move(choice);
  ++entry_attempts_;
  new_identity(now);
  if (kept_ && kept_->gateway == entry_->identity) {
    shared_key_ = kept_->shared_key.clone();
    last_login_ = kept_->last_login;
  }
  open_link(0, now);
}

void Path::open_link(std::size_t url_index, TimePoint now) {
  const LinkId link = ++last_link_;
  phase_ = OpeningLink{url_index, link, now + kLinkOpenTimeout};
  outputs_.push_back(OpenLink{link, entry_->urls[url_index]});
}

void Path::session_active(TimePoint now) {
  if (session_->shared_key()) shared_key_ = session_->shared_key()->clone();
  login_retries_ = 0;
  kept_.reset();
  if (use_ == StoredKeys::Use::kPersistent) {
    if (home_ && *home_ != entry_->identity && !options_.preferred_gateway) {
      events_.push_back(Warning{Error{Errc::gateway_replaced}});
    }
    home_ = entry_->identity;
    events_.push_back(IdentityActive{});
  }
  begin_step(Step::kTopology);
  if (!awaits_topology_) mixnet_->start(now);
}

void Path::begin_exit(TimePoint now, WallTime wall_now) {
  const LinkId link = current_link();
  if (!options_.exit) {
    phase_ = Up{link};
    came_up();
    return;
  }
  if (ipr_ && assignment_) {
    ipr_->resume(now);
    if (ipr_->connected()) {
      phase_ = Up{link};
      came_up();
      ipr_->check(now);
      return;
    }
  }
  begin_step(Step::kExit);
  phase_ = ConnectingExit{link, now + options_.connect_timeout, false};
  connect_exit(now, wall_now);
}

void Path::connect_exit(TimePoint now, WallTime wall_now) {
  auto* connecting = std::get_if<ConnectingExit>(&phase_);
  if (connecting == nullptr) return;
  // The list also tells the version of a pinned exit, so both cases wait for it.
  connecting->awaits_directory = !exits_ && !exits_error_;
  if (connecting->awaits_directory) return;

  if (ipr_ && exit_ && assignment_) {  // the same exit again, in a new stream
    ipr_->connect(now, wall_now);
    return;
  }
  const std::vector<directory::ExitDescription> known =
      exits_.value_or(std::vector<directory::ExitDescription>{});
  std::string version_text;
  if (pinned_exit_) {
    auto parsed = mixnet::Recipient::parse(*pinned_exit_);
    if (!parsed) {
      fail(Error{Errc::config_bad_ipr_address, 0, *pinned_exit_}, now);
      return;
    }
    exit_ = *parsed;
    const auto described = std::ranges::find_if(
        known, [&](const auto& exit) { return exit.identity == parsed->gateway; });
    if (described != known.end()) version_text = described->build_version;
  } else {
    auto choice = directory::choose_exit(known, entry_->identity, bad_exits_, rng_);
    if (!choice) {
      bad_exits_.clear();
      Error error = choice.error();
      if (!exits_)
        error = *exits_error_;
      else if (last_error_)
        error = *last_error_;
      fail_or_retry(std::move(error), Lost::kExit, now);
      return;
    }
    auto parsed = mixnet::Recipient::parse(choice->ipr_address);
    if (!parsed) {
      fail_or_retry(Error{Errc::directory_no_exit}, Lost::kExit, now);
      return;
    }
    exit_ = *parsed;
    version_text = choice->build_version;
  }

  ipr::ClientConfig config;
  const auto version = directory::Version::parse(version_text);
  config.first_version = version && *version >= directory::kFirstWithIprV10
                             ? ipr::ProtocolVersion::k10
                             : ipr::ProtocolVersion::k9;
  config.open_reply_surbs = options_.open_reply_surbs;
  config.data_reply_surbs = options_.data_reply_surbs;
  const bool others = !pinned_exit_ && known.size() > bad_exits_.size() + 1;
  config.connect_timeout = std::min<base::Duration>(
      others ? kSharedExitTimeout : options_.connect_timeout, connecting->give_up - now);
  config.v10_timeout = std::min<base::Duration>(kV10Timeout, config.connect_timeout / 2);
  config.keepalive = options_.ipr_keepalive;
  config.max_mtu = options_.max_mtu;
  config.replaces_cover = !options_.traffic.disable_main_poisson;
  if (options_.traffic.disable_main_poisson) config.hold_acks = kAckHold;
  ipr_ = std::make_unique<ipr::Client>(config, rng_, log_);
  assignment_.reset();
  if (!is_exit(*exit_)) exits_used_.push_back(*exit_);
  if (exits_used_.size() > kMaxExitsUsed) exits_used_.erase(exits_used_.begin());
  ipr_->connect(now, wall_now);
}

void Path::came_up() {
  was_up_ = true;
  backoff_.reset();
  entry_attempts_ = 0;
  has_tried_new_keys_ = false;
  doubts_entry_ = false;
  last_error_.reset();
  bad_entries_.clear();
  // Not before: connecting shall have the processor for itself.
  if (mixnet_) mixnet_->set_headers_ahead(options_.headers_ahead);
  begin_step(Step::kReady);
  events_.push_back(PathUp{});
}

// --- moving things between the rungs ---

bool Path::pump_deadlines(TimePoint now, WallTime wall_now) {
  bool moved = false;
  if (is_due(directory_.next_deadline(), now)) {
    directory_.expire(now);
    moved = true;
  }
  if (is_due(refresh_at_, now)) {
    refresh_at_ = now + kTopologyRefresh;
    directory_.fetch_topology(now);
    directory_.fetch_rotation_info(now);
    moved = true;
  }
  if (session_ && is_due(session_->next_deadline(), now)) {
    session_->expire(now);
    moved = true;
  }
  if (mixnet_ && is_due(mixnet_->next_deadline(), now)) mixnet_->expire(now);
  if (ipr_ && session_ && is_due(ipr_->next_deadline(), now)) {
    ipr_->expire(now);
    moved = true;
  }
  if (session_ && session_->active() && is_due(link_watch_.deadline(), now)) {
    fail_or_retry(Error{Errc::gateway_timeout}, Lost::kGateway, now);
    return true;
  }
  if (is_due(forget_exit_at_, now)) {
    forget_exit_at_.reset();
    if (left_exit_ && mixnet_ && left_exit_ != exit_) mixnet_->forget(*left_exit_);
    left_exit_.reset();
  }
  if (const auto* opening = std::get_if<OpeningLink>(&phase_);
      opening != nullptr && opening->give_up <= now) {
    link_attempt_failed(now);
    return true;
  }
  if (const auto* connecting = std::get_if<ConnectingExit>(&phase_);
      connecting != nullptr && connecting->awaits_directory && connecting->give_up <= now) {
    exit_failed(Error{Errc::directory_timeout}, now, wall_now);
    return true;
  }
  if (const auto* waiting = std::get_if<Waiting>(&phase_);
      waiting != nullptr && waiting->until <= now) {
    wait_over(Waiting{*waiting}, now, wall_now);
    moved = true;
  }
  return moved;
}

bool Path::pump_directory(TimePoint now, WallTime wall_now) {
  bool moved = false;
  while (auto get = directory_.poll_output()) {
    outputs_.push_back(GetFromDirectory{get->id, std::move(get->url)});
    moved = true;
  }
  using What = directory::FetchFailed::What;
  while (auto event = directory_.poll_event()) {
    moved = true;
    if (auto* ready = std::get_if<directory::TopologyReady>(&*event)) {
      topology_ready(std::move(ready->topology), now, wall_now);
    } else if (auto* exits = std::get_if<directory::ExitsReady>(&*event)) {
      exits_ = std::move(exits->candidates);
      exits_error_.reset();
    } else if (auto* rotation = std::get_if<directory::RotationInfoReady>(&*event)) {
      rotation_ = rotation->info;
      if (topology_) schedule_refresh(now, wall_now);
      if (mixnet_) mixnet_->set_rotation_info(*rotation_, now, wall_now);
    } else if (auto* failed = std::get_if<directory::FetchFailed>(&*event)) {
      log_.event("path.directory_failed", static_cast<std::int64_t>(failed->error.code));
      if (failed->what == What::kExits && !exits_) exits_error_ = failed->error;
      if (failed->what != What::kTopology) continue;
      if (std::holds_alternative<Discovering>(phase_)) {
        fail_or_retry(failed->error, Lost::kGateway, now);
        continue;
      }
      doubts_entry_ = false;  // perhaps it is our own network that is down
      topology_is_settled(now);
      refresh_at_ = now + kRefreshRetry;
      if (++topology_failures_ == kMaxTopologyFailures) {
        topology_.reset();
        if (mixnet_) mixnet_->set_topology(nullptr, now);
      }
    }
  }
  if (const auto* connecting = std::get_if<ConnectingExit>(&phase_);
      connecting != nullptr && connecting->awaits_directory && (exits_ || exits_error_)) {
    connect_exit(now, wall_now);
    moved = true;
  }
  return moved;
}

bool Path::pump_session(TimePoint now, WallTime wall_now) {
  bool moved = false;
  while (session_) {
    auto event = session_->poll_event();
    if (!event) break;
    moved = true;
    if (std::holds_alternative<gateway::Activated>(*event)) {
      if (rotation_) mixnet_->set_rotation_info(*rotation_, now, wall_now);
      session_active(now);
      begin_exit(now, wall_now);
    } else if (auto* delivered = std::get_if<gateway::Delivered>(&*event)) {
      mixnet_->receive(delivered->plaintext, now);
    } else if (std::holds_alternative<gateway::OutOfBandwidth>(*event)) {
      log_.event("path.out_of_bandwidth", 0);
    } else if (auto* failed = std::get_if<gateway::SessionFailed>(&*event)) {
      Error error = std::move(failed->error);
      if (up()) {
        fail_or_retry(std::move(error), Lost::kGateway, now);
      } else {
        entry_failed(std::move(error), now);
      }
    }
  }
  return moved;
}

bool Path::is_exit(const mixnet::Recipient& replier) const {
  return std::ranges::find(exits_used_, replier) != exits_used_.end();
}

bool Path::pump_mixnet(TimePoint now, WallTime /*wall_now*/) {
  bool moved = false;
  while (mixnet_) {
    auto event = mixnet_->poll_event();
    if (!event) break;
    moved = true;
    if (auto* received = std::get_if<mixnet::MessageReceived>(&*event)) {
      if (received->replier && is_exit(*received->replier)) {
        // Only the exit in use is heard; nothing of an exit is a message for the application.
        if (ipr_ && received->replier == exit_) (void)ipr_->receive(received->data, now);
        continue;
      }
      events_.push_back(MessageArrived{std::move(*received)});
    } else if (auto* delivered = std::get_if<mixnet::MessageDelivered>(&*event)) {
      events_.push_back(*delivered);
    } else if (auto* lost = std::get_if<mixnet::MessageLost>(&*event)) {
      events_.push_back(std::move(*lost));
    } else if (const auto* asked = std::get_if<mixnet::SurbsRequested>(&*event)) {
      if (ipr_ && asked->by == exit_) ipr_->surbs_requested(asked->amount, now);
    }
  }
  return moved;
}

bool Path::pump_ipr(TimePoint now, WallTime wall_now) {
  bool moved = false;
  if (!ipr_ || !mixnet_ || !exit_) return moved;
  ipr_->surbs_at_exit(mixnet_->surbs_at(*exit_), now);
  ipr_->flush(now, mixnet_->queued(mixnet::Lane{}));
  while (auto output = ipr_->poll_output()) {
    moved = true;
    base::Result<void> sent;
    if (auto* outgoing = std::get_if<ipr::Outgoing>(&*output)) {
      const bool connects = outgoing->kind == ipr::Outgoing::Kind::kConnect;
      if (connects && connect_request_) mixnet_->cancel(*connect_request_);
      auto id = mixnet_->send(*exit_, outgoing->data, outgoing->options, now);
      if (!id) sent = id.error();
      if (connects) connect_request_ = id ? std::optional{*id} : std::nullopt;
    } else if (const auto* supply = std::get_if<ipr::SupplySurbs>(&*output)) {
      sent = mixnet_->supply_surbs(*exit_, supply->amount, now);
    } else {
      mixnet_->offer_surbs(*exit_, std::get<ipr::OfferSurbs>(*output).amount);
    }
    // accepts_packets() keeps the queue from filling; what is lost here TCP sends again.
    if (!sent) log_.event("path.message_refused", static_cast<std::int64_t>(sent.error().code));
  }
  while (ipr_) {
    auto event = ipr_->poll_event();
    if (!event) break;
    moved = true;
    if (auto* connected = std::get_if<ipr::Connected>(&*event)) {
      assignment_ = connected->assignment;
      events_.push_back(AddressesAssigned{*assignment_});
      if (std::holds_alternative<ConnectingExit>(phase_)) {
        phase_ = Up{current_link()};
        came_up();
      }
    } else if (auto* packet = std::get_if<ipr::PacketReceived>(&*event)) {
      events_.push_back(std::move(*packet));
    } else if (auto* denied = std::get_if<ipr::DestinationDenied>(&*event)) {
      events_.push_back(std::move(*denied));
    } else if (auto* ended = std::get_if<ipr::SessionEnded>(&*event)) {
      exit_failed(std::move(ended->error), now, wall_now);
    }
  }
  return moved;
}

bool Path::pump_packets(TimePoint now) {
  bool moved = false;
  if (!session_) return moved;
  const LinkId link = current_link();
  std::size_t backlog = link_buffered_ / kSealedFrameSize;
  while (session_->active() && mixnet_) {
    auto packet = mixnet_->poll_output(now, backlog);
    if (!packet) break;
    moved = true;
    ++backlog;
    const auto format = session_->packet_format() == gateway::PacketFormat::kV2
                            ? mixnet::MixPacketFormat::kV2
                            : mixnet::MixPacketFormat::kV1;
    if (auto sent = session_->send(packet->encode(format)); !sent) {
      log_.event("path.packet_refused", static_cast<std::int64_t>(sent.error().code));
    }
  }
  while (auto frame = session_->poll_output()) {
    outputs_.push_back(SendOnLink{link, std::move(*frame)});
    link_watch_.sent(now);
    moved = true;
  }
  return moved;
}

bool Path::advance(TimePoint now, WallTime wall_now) {
  bool moved = pump_deadlines(now, wall_now);
  moved |= pump_directory(now, wall_now);
  moved |= pump_session(now, wall_now);
  moved |= pump_mixnet(now, wall_now);
  moved |= pump_ipr(now, wall_now);
  moved |= pump_packets(now);
  moved |= pump_mixnet(now, wall_now);  // a packet that could not be built ends its message
  return moved;
}

bool Path::accepts_packets() const {
  return up() && ipr_ && ipr_->connected() && mixnet_ &&
         mixnet_->queued(mixnet::Lane{}) + ipr_->waiting() < kMaxLanePackets;
}

base::Result<void> Path::send_packet(base::ByteView ip_packet, TimePoint now) {
  if (!up() || !ipr_) return Errc::usage_not_ready;
  return ipr_->send(ip_packet, now);
}

std::optional<PathOutput> Path::poll_output() {
  if (outputs_.empty()) return std::nullopt;
  PathOutput output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

std::optional<PathEvent> Path::poll_event() {
  if (events_.empty()) return std::nullopt;
  PathEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Deadline Path::next_deadline() const {
  Deadline deadline = earlier(directory_.next_deadline(), refresh_at_);
  deadline = earlier(deadline, forget_exit_at_);
  if (session_ && session_->active()) deadline = earlier(deadline, link_watch_.deadline());
  if (session_) deadline = earlier(deadline, session_->next_deadline());
  if (mixnet_) deadline = earlier(deadline, mixnet_->next_deadline());
  if (ipr_ && session_) deadline = earlier(deadline, ipr_->next_deadline());
  if (const auto* opening = std::get_if<OpeningLink>(&phase_)) {
    deadline = earlier(deadline, opening->give_up);
  }
  if (const auto* connecting = std::get_if<ConnectingExit>(&phase_);
      connecting != nullptr && connecting->awaits_directory) {
    deadline = earlier(deadline, connecting->give_up);
  }
  if (const auto* waiting = std::get_if<Waiting>(&phase_)) {
    deadline = earlier(deadline, waiting->until);
  }
  return deadline;
}

}  // namespace mix::tunnel
