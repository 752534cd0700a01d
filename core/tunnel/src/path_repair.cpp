// What Path does when link, entry gateway, exit or topology are lost, and when the host slept.
#include <algorithm>
#include <utility>

#include "mix/tunnel/path.h"
#include "path_constants.h"

namespace mix::tunnel {
namespace {

using namespace std::chrono_literals;
using base::Errc;
using base::Error;
using base::TimePoint;
using base::WallTime;

/// Another entry means another identity, which ends every TCP connection: not before this.
constexpr base::Duration kEntryPatience = 20s;
/// Refreshes of the topology in a row that do not name the own gateway. spec: topology §9
constexpr std::uint32_t kMaxRefreshesWithoutEntry = 2;
constexpr std::uint32_t kMaxEntryAttempts = 3;  // different gateways tried at set-up
constexpr base::Duration kLoginRetry = 1500ms;  // spec: gateway §5, a dead session costs 2 s
constexpr std::uint32_t kMaxLoginRetries = 3;
/// Our goodbye to an exit may be repeated for so long.
constexpr base::Duration kGoodbye = 5s;
/// A link that was heard this recently needs no check.
constexpr base::Duration kFreshlyHeard = 2s;
/// The clients of an epoch do not all ask the directory when the next one begins, but within this.
constexpr base::Duration kMaxRefreshSpread = 30s;
constexpr int kRefreshSpreadOfEpoch = 8;

/// The gateway knows the kept key no more, or takes none of this age. spec: gateway §5
bool calls_for_new_keys(Errc code) {
  return code == Errc::gateway_not_registered || code == Errc::gateway_refused ||
         code == Errc::gateway_clock_skew;
}

}  // namespace

void Path::fail(Error error, TimePoint now) {
  drop_link(now);
  phase_ = Failed{};
  events_.push_back(PathFailed{std::move(error)});
}

void Path::fail_or_retry(Error error, Lost lost, TimePoint now) {
  const LinkId kept_link = lost == Lost::kGateway ? LinkId{0} : current_link();
  if (!was_up_ || !backoff_.may_try()) {
    fail(std::move(error), now);
    return;
  }
  if (lost == Lost::kGateway) drop_link(now);
  backoff_.begin(now);
  phase_ = Waiting{now + backoff_.pause(now, rng_), lost, kept_link};
  const Step step = lost == Lost::kGateway ? Step::kGateway : Step::kExit;
  events_.push_back(PathBroken{std::move(error), step, backoff_.attempts()});
}

void Path::wait_over(const Waiting& waiting, TimePoint now, WallTime wall_now) {
  if (!topology_) {
    directory_.fetch_topology(now);
    phase_ = Discovering{};
  } else if (waiting.lost == Lost::kGateway || !session_) {
    begin_step(Step::kGateway);
    open_link(0, now);
  } else {
    const LinkId link = waiting.link;
    begin_step(Step::kExit);
    phase_ = ConnectingExit{link, now + options_.connect_timeout, false};
    connect_exit(now, wall_now);
  }
}

// --- the entry gateway ---

void Path::link_attempt_failed(TimePoint now) {
  const auto* opening = std::get_if<OpeningLink>(&phase_);
  if (opening == nullptr) return;
  const std::size_t next = opening->url_index + 1;
  outputs_.push_back(CloseLink{opening->link});
  if (next < entry_->urls.size()) {
    open_link(next, now);
    return;
  }
  phase_ = OpeningLink{};  // no link is open any more
  entry_failed(Error{Errc::gateway_unreachable, 0, entry_->urls.front()}, now);
}

void Path::entry_failed(Error error, TimePoint now) {
  last_error_ = error;
  if (!was_up_ && log_in_later(error, now)) return;
  if (shared_key_ && calls_for_new_keys(error.code) && !has_tried_new_keys_) {
    // Under new keys, unless ours are to be kept.
    has_tried_new_keys_ = true;
    drop_link(now);
    kept_.reset();
    new_identity(now);
    open_link(0, now);
    return;
  }
  const bool pinned = options_.preferred_gateway.has_value();
  if (was_up_) {
    if (!pinned && backoff_.outage(now) >= kEntryPatience) {
      doubts_entry_ = true;
      directory_.fetch_topology(now);
    }
    fail_or_retry(std::move(error), Lost::kGateway, now);
    return;
  }
  if (!pinned && entry_attempts_ < kMaxEntryAttempts) {
    bad_entries_.push_back(entry_->identity);
    drop_link(now);
    open_entry(now);
    return;
  }
  fail_or_retry(std::move(error), Lost::kGateway, now);
}

/// With kept keys an older connection may still live, or this second be used up. Trying another
/// gateway instead would change the address. True when it will be tried again.
bool Path::log_in_later(const Error& error, TimePoint now) {
  const bool temporary =
      error.code == Errc::gateway_session_in_use || error.code == Errc::gateway_stale_login;
  if (use_ == StoredKeys::Use::kEphemeral || !temporary) return false;
  drop_link(now);
  if (login_retries_ == kMaxLoginRetries) {
    fail_or_retry(error, Lost::kGateway, now);
    return true;
  }
  ++login_retries_;
  phase_ = Waiting{now + kLoginRetry, Lost::kGateway, 0};
  return true;
}

void Path::replace_entry(TimePoint now) {
  if (up()) {
    backoff_.begin(now);
    Error gone{Errc::directory_no_entry, 0, "the entry gateway has left the directory"};
    events_.push_back(PathBroken{std::move(gone), Step::kGateway, backoff_.attempts()});
  }
  doubts_entry_ = false;
  refreshes_without_entry_ = 0;
  bad_entries_.push_back(entry_->identity);
  drop_link(now);
  open_entry(now);
}

// --- the exit ---

void Path::leave_exit() {
  ipr_.reset();
  assignment_.reset();
  // What is still on its way to it would be repeated for ever.
  if (exit_ && mixnet_) mixnet_->forget(*exit_);
  exit_.reset();
}

void Path::exit_failed(Error error, TimePoint now, WallTime wall_now) {
  last_error_ = error;
  if (up()) {
    if (!backoff_.may_try()) {
      fail(std::move(error), now);
      return;
    }
    backoff_.begin(now);
    directory_.fetch_exits(now);  // the list may be as old as the tunnel
    // One that speaks is asked for a new session; one that is silent had its chances to answer.
    if (error.code == Errc::ipr_silent && !pinned_exit_) {
      bad_exits_.push_back(exit_->gateway);
      leave_exit();
    }
    events_.push_back(PathBroken{std::move(error), Step::kExit, backoff_.attempts()});
    phase_ = ConnectingExit{current_link(), now + options_.connect_timeout, false};
    connect_exit(now, wall_now);
    return;
  }
  auto* connecting = std::get_if<ConnectingExit>(&phase_);
  if (connecting == nullptr) return;
  if (pinned_exit_) {
    leave_exit();
    fail(std::move(error), now);
    return;
  }
  if (exit_) bad_exits_.push_back(exit_->gateway);
  leave_exit();
  if (now < connecting->give_up) {
    connect_exit(now, wall_now);
    return;
  }
  bad_exits_.clear();
  fail_or_retry(std::move(error), Lost::kExit, now);
}

base::Result<void> Path::switch_exit(const std::optional<std::string>& ipr, TimePoint now,
                                     WallTime wall_now) {
  if (!options_.exit || std::holds_alternative<Idle>(phase_) ||
      std::holds_alternative<Failed>(phase_)) {
    return Errc::usage_not_ready;
  }
  if (ipr && !mixnet::Recipient::parse(*ipr)) return Error{Errc::config_bad_ipr_address, 0, *ipr};
  pinned_exit_ = ipr;
  bad_exits_.clear();
  if (exit_ && !ipr) bad_exits_.push_back(exit_->gateway);
  const bool has_session = session_ && session_->active();
  if (left_exit_ && mixnet_ && left_exit_ != exit_) mixnet_->forget(*left_exit_);
  left_exit_.reset();
  if (ipr_ && ipr_->connected() && has_session) {
    ipr_->disconnect(now, wall_now);
    pump_ipr(now, wall_now);
    left_exit_ = exit_;
    forget_exit_at_ = now + kGoodbye;
    ipr_.reset();
    assignment_.reset();
    exit_.reset();
  } else {
    leave_exit();
  }
  if (has_session) {
    begin_step(Step::kExit);
    phase_ = ConnectingExit{current_link(), now + options_.connect_timeout, false};
    connect_exit(now, wall_now);
  }
  return {};
}

// --- the topology ---

void Path::schedule_refresh(TimePoint now, WallTime wall_now) {
  refresh_at_ = now + kTopologyRefresh;
  if (!rotation_ || rotation_->epoch_duration <= 0s) return;
  // A new epoch may bring new keys; those of before stay good for an epoch. spec: topology §4
  std::int64_t epoch = rotation_->current_epoch_id;
  const base::Duration ago = wall_now - rotation_->current_epoch_start;
  if (ago > 0s) epoch += ago / rotation_->epoch_duration;
  const base::Duration until = rotation_->epoch_start(epoch + 1) - wall_now;
  const base::Duration spread = std::min<base::Duration>(
      kMaxRefreshSpread, rotation_->epoch_duration / kRefreshSpreadOfEpoch);
  const auto share = std::chrono::duration_cast<base::Duration>(spread * rng_.unit());
  refresh_at_ = base::earlier(refresh_at_, now + until + share);
}

void Path::topology_ready(std::shared_ptr<const directory::Topology> topology, TimePoint now,
                          WallTime wall_now) {
  topology_failures_ = 0;
  topology_at_ = now;
  schedule_refresh(now, wall_now);
  const bool has_entry = !entry_ || topology->find_gateway(entry_->identity) != nullptr;
  refreshes_without_entry_ = has_entry ? 0 : refreshes_without_entry_ + 1;
  const bool has_left = refreshes_without_entry_ >= kMaxRefreshesWithoutEntry;
  const bool is_connected = up() || std::holds_alternative<ConnectingExit>(phase_);
  // Without its own gateway a client cannot be answered: the old topology serves a little longer.
  if (has_entry || has_left || !is_connected) {
    topology_ = std::move(topology);
  } else {
    refresh_at_ = now + kRefreshRetry;
  }
  topology_is_settled(now);
  if (std::holds_alternative<Discovering>(phase_)) {
    open_entry(now);
  } else if (!options_.preferred_gateway && (has_left || (doubts_entry_ && !is_connected))) {
    replace_entry(now);
  } else if (mixnet_) {
    mixnet_->set_topology(topology_, now);
  }
}

void Path::topology_is_settled(TimePoint now) {
  if (!std::exchange(awaits_topology_, false)) return;
  if (session_ && session_->active()) mixnet_->start(now);
}

// --- after a sleep ---

void Path::wake(TimePoint now, WallTime wall_now, base::Duration unseen) {
  if (std::holds_alternative<Idle>(phase_) || std::holds_alternative<Failed>(phase_)) return;
  const bool has_session = session_ && session_->active();
  if (ipr_) {
    ipr_->resume(now, unseen);
    if (!has_session) ipr_->suspend();
  }
  if (rotation_ && mixnet_) mixnet_->set_rotation_info(*rotation_, now, wall_now);
  if (topology_at_) *topology_at_ -= unseen;
  if (topology_at_ && now - *topology_at_ > kTopologyRefresh) {
    // spec: topology §4: refresh before sending.
    awaits_topology_ = true;
    if (mixnet_) mixnet_->stop(now);
    directory_.fetch_topology(now);
    directory_.fetch_rotation_info(now);
  }
  const bool is_fresh =
      unseen == 0s && link_watch_.heard_at() && now - *link_watch_.heard_at() < kFreshlyHeard;
  link_watch_.suspect(now);
  if (auto* waiting = std::get_if<Waiting>(&phase_)) waiting->until = now;
  if (up() && ipr_ && !is_fresh) ipr_->check(now);
}

}  // namespace mix::tunnel
