#include "mix/directory/client.h"

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <map>
#include <utility>

#include "mix/directory/answers.h"

namespace mix::directory {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using base::TimePoint;
using What = FetchFailed::What;

// Paths below the base URL. spec: topology §2, §5
constexpr std::string_view kRewardedSetPath = "v1/nym-nodes/rewarded-set";
constexpr std::string_view kRotationInfoPath = "v1/epoch/key-rotation-info";
constexpr std::string_view kMixnodesPath = "v2/unstable/nym-nodes/skimmed/mixnodes/active";
constexpr std::string_view kEntriesPath = "v2/unstable/nym-nodes/skimmed/entry-gateways";
constexpr std::string_view kExitsPath = "v2/unstable/nym-nodes/skimmed/exit-gateways";
constexpr std::string_view kAllNodesPath = "v2/unstable/nym-nodes/skimmed";
constexpr std::string_view kDescribedPath = "v2/nym-nodes/described";

// What a part gathers; lists come in pages.
struct SkimmedList {
  std::optional<EpochMetadata> metadata;
  std::vector<Node> nodes;
  std::size_t received = 0;
};
struct DescribedList {
  std::vector<DescribedExit> exits;
  std::size_t received = 0;
};
using Content = std::variant<SkimmedList, DescribedList, RewardedSet, KeyRotationInfo>;

enum class Need : std::uint8_t { kMandatory, kOptional };

/// One path of an attempt, with what has arrived of it.
struct Part {
  std::string_view path;
  Need need = Need::kMandatory;
  Content content;
  std::size_t next_page = 0;
  RequestId request = 0;  // 0: none under way
  bool complete = false;
};

bool is_paged(const Part& part) {
  return std::holds_alternative<SkimmedList>(part.content) ||
         std::holds_alternative<DescribedList>(part.content);
}

enum class Progress : std::uint8_t { kComplete, kMorePages };

/// An empty page before the total is reached would otherwise be asked for forever.
Result<Progress> count_page(std::size_t& received, const Paging& page) {
  received += page.on_page;
  if (received >= page.total) return Progress::kComplete;
  if (page.on_page == 0) return Errc::directory_malformed;
  return Progress::kMorePages;
}

Result<Progress> take(SkimmedList& list, base::ByteView body) {
  MIX_TRY(SkimmedPage page, parse_skimmed(body));
  if (list.metadata && *list.metadata != page.metadata) return Errc::directory_inconsistent;
  list.metadata = page.metadata;
  std::ranges::move(page.nodes, std::back_inserter(list.nodes));
  return count_page(list.received, page.paging);
}

Result<Progress> take(DescribedList& list, base::ByteView body) {
  MIX_TRY(DescribedPage page, parse_described(body));
  std::ranges::move(page.exits, std::back_inserter(list.exits));
  return count_page(list.received, page.paging);
}

Result<Progress> take(RewardedSet& content, base::ByteView body) {
  MIX_TRY(content, parse_rewarded_set(body));
  return Progress::kComplete;
}

Result<Progress> take(KeyRotationInfo& content, base::ByteView body) {
  MIX_TRY(content, parse_rotation_info(body));
  return Progress::kComplete;
}

std::vector<Part> parts_of(What what) {
  const auto part = [](std::string_view path, Content content, Need need = Need::kMandatory) {
    return Part{.path = path, .need = need, .content = std::move(content)};
  };
  switch (what) {
    case What::kTopology:
      // Differs: the reference does not load the exits, so packets to a node that is an exit only
      // have no route. A directory without that list is still usable. spec: topology §5
      return {part(kRewardedSetPath, RewardedSet{}), part(kMixnodesPath, SkimmedList{}),
              part(kEntriesPath, SkimmedList{}), part(kExitsPath, SkimmedList{}, Need::kOptional)};
    case What::kEntries:
      return {part(kEntriesPath, SkimmedList{})};
    case What::kExits:
      return {part(kDescribedPath, DescribedList{}), part(kAllNodesPath, SkimmedList{})};
    case What::kRotationInfo:
      return {part(kRotationInfoPath, KeyRotationInfo{})};
  }
  return {};
}

// --- what the parts of a complete attempt make together ---

/// Of nodes with the same id the one listed last stays.
std::vector<Node> without_duplicates(std::vector<Node> nodes) {
  std::map<NodeId, Node> by_id;
  for (Node& node : nodes) by_id.insert_or_assign(node.id, std::move(node));
  std::vector<Node> out;
  out.reserve(by_id.size());
  for (auto& [id, node] : by_id) out.push_back(std::move(node));
  return out;
}

Result<Event> make_topology(std::vector<Part>& parts, const ClientConfig& config) {
  auto& mixnodes = std::get<SkimmedList>(parts[1].content);
  auto& entries = std::get<SkimmedList>(parts[2].content);
  auto& exits = std::get<SkimmedList>(parts[3].content);
  if (*mixnodes.metadata != *entries.metadata) return Errc::directory_inconsistent;
  std::vector<Node> gateways;
  if (parts[3].complete) {
    if (*exits.metadata != *entries.metadata) return Errc::directory_inconsistent;
    gateways = std::move(exits.nodes);
  }
  std::ranges::move(entries.nodes, std::back_inserter(gateways));
  MIX_TRY(Topology topology,
          Topology::build(*mixnodes.metadata, std::get<RewardedSet>(parts[0].content),
                          std::move(mixnodes.nodes), std::move(gateways),
                          config.min_mixnode_performance, config.min_gateway_performance));
  return Event{TopologyReady{std::make_shared<const Topology>(std::move(topology))}};
}

/// Joins described and skimmed nodes by identity. spec: topology §8, ipr §1.2
Result<Event> make_exits(std::vector<Part>& parts) {
  std::map<crypto::Ed25519PublicKey, std::uint8_t> performance;
  for (const Node& node : std::get<SkimmedList>(parts[1].content).nodes) {
    performance[node.identity] = node.roles.exit_ipr ? node.performance : std::uint8_t{0};
  }
  std::map<crypto::Ed25519PublicKey, ExitDescription> exits;
  for (DescribedExit& exit : std::get<DescribedList>(parts[0].content).exits) {
    const auto found = performance.find(exit.identity);
    exits.insert_or_assign(
        exit.identity, ExitDescription{.identity = exit.identity,
                                       .ipr_address = std::move(exit.ipr_address),
                                       .ipr_gateway = exit.ipr_gateway,
                                       .build_version = std::move(exit.build_version),
                                       .performance = found == performance.end() ? std::uint8_t{0}
                                                                                 : found->second});
  }
  ExitsReady out;
  out.candidates.reserve(exits.size());
  for (auto& [identity, exit] : exits) out.candidates.push_back(std::move(exit));
  return Event{std::move(out)};
}

Result<Event> make_event(What what, std::vector<Part>& parts, const ClientConfig& config) {
  switch (what) {
    case What::kTopology:
      return make_topology(parts, config);
    case What::kEntries:
      return Event{EntriesReady{
          without_duplicates(std::move(std::get<SkimmedList>(parts[0].content).nodes))}};
    case What::kExits:
      return make_exits(parts);
    case What::kRotationInfo:
      return Event{RotationInfoReady{std::get<KeyRotationInfo>(parts[0].content)}};
  }
  return Errc::internal_error;
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(ClientConfig config) : config_(std::move(config)) {
    for (std::string& url : config_.base_urls) {
      if (!url.ends_with('/')) url.push_back('/');
    }
  }

  void start(What what, TimePoint now) {
    if (calls_.contains(what)) return;
    if (config_.base_urls.empty()) {
      events_.emplace_back(FetchFailed{what, Error{Errc::directory_unreachable}});
      return;
    }
    Call& call = calls_[what];
    call.give_up_at = now + config_.first_fetch_timeout;
    call.base = good_base_;
    start_attempt(what, call, now);
  }

  std::optional<HttpGet> poll_output() { return pop(output_); }
  std::optional<Event> poll_event() { return pop(events_); }

  void receive(RequestId id, int http_status, base::ByteView body, TimePoint now) {
    const auto asked = find(id);
    if (!asked) return;
    auto& [what, call, part] = *asked;
    part->request = 0;
    constexpr int kFirstSuccess = 200, kFirstRedirect = 300;
    if (http_status < kFirstSuccess || http_status >= kFirstRedirect) {
      return part_failed(what, *call, *part,
                         Error{Errc::directory_bad_status, static_cast<std::uint32_t>(http_status)},
                         now);
    }
    const auto progress =
        std::visit([&](auto& content) { return take(content, body); }, part->content);
    if (!progress) return part_failed(what, *call, *part, progress.error(), now);
    if (*progress == Progress::kMorePages) {
      if (part->next_page >= kMaxPages) {
        return part_failed(what, *call, *part, Error{Errc::directory_malformed}, now);
      }
      return request_page(*call, *part);
    }
    part->complete = true;
    finish_if_complete(what, *call, now);
  }

  void failed(RequestId id, TimePoint now) {
    const auto asked = find(id);
    if (!asked) return;
    auto& [what, call, part] = *asked;
    part->request = 0;
    part_failed(what, *call, *part, Error{Errc::directory_unreachable}, now);
  }

  base::Deadline next_deadline() const {
    base::Deadline next;
    for (const auto& [what, call] : calls_) next = base::earlier(next, call.wake_at);
    return next;
  }

  void expire(TimePoint now) {
    // A call may end here and leave the map.
    for (const What what : {What::kTopology, What::kEntries, What::kExits, What::kRotationInfo}) {
      const auto found = calls_.find(what);
      if (found == calls_.end() || !base::is_due(found->second.wake_at, now)) continue;
      Call& call = found->second;
      if (now >= call.give_up_at && call.parts.empty()) {
        give_up(what, Error{Errc::directory_timeout});  // slept through the back-off
      } else if (call.parts.empty()) {
        start_attempt(what, call, now);
      } else {
        attempt_timed_out(what, call, now);
      }
    }
  }

 private:
  /// A command under way. Between attempts it has no parts and waits for `wake_at`.
  struct Call {
    TimePoint give_up_at;
    std::size_t base = 0;               // index of the base URL in use
    std::size_t attempts_in_round = 0;  // base URLs asked since the last back-off
    std::size_t rounds = 0;             // back-offs taken
    TimePoint wake_at;                  // end of the attempt, or of the back-off
    std::vector<Part> parts;
  };
  struct Asked {
    What what;
    Call* call;
    Part* part;
  };

  std::optional<Asked> find(RequestId id) {
    for (auto& [what, call] : calls_) {
      for (Part& part : call.parts) {
        if (part.request == id && id != 0) return Asked{what, &call, &part};
      }
    }
    return std::nullopt;
  }

  std::string url_of(const Call& call, const Part& part, std::size_t page) const {
    std::string url = config_.base_urls[call.base];
    url.append(part.path).append(is_paged(part) ? "?page=" + std::to_string(page) + "&" : "?");
    return url.append("output=json");
  }

  void request_page(Call& call, Part& part) {
    part.request = ++last_request_;
    output_.push_back({part.request, url_of(call, part, part.next_page++)});
  }

  void start_attempt(What what, Call& call, TimePoint now) {
    // What is left of the call's time is shared by the base URLs of this round.
    const std::size_t still_to_ask = config_.base_urls.size() - call.attempts_in_round;
    const base::Duration share =
        (call.give_up_at - now) /
        static_cast<base::Duration::rep>(std::max<std::size_t>(still_to_ask, 1));
    call.wake_at = now + std::min(config_.request_timeout, share);
    call.parts = parts_of(what);
    for (Part& part : call.parts) request_page(call, part);
  }

  void finish_if_complete(What what, Call& call, TimePoint now) {
    const bool waiting =
        std::ranges::any_of(call.parts, [](const Part& p) { return p.request != 0; });
    if (!waiting) finish(what, call, now);
  }

  void finish(What what, Call& call, TimePoint now) {
    auto event = make_event(what, call.parts, config_);
    if (!event) {
      Error error = event.error();
      error.context = config_.base_urls[call.base];
      return attempt_failed(what, call, std::move(error), now);
    }
    good_base_ = call.base;
    calls_.erase(what);
    events_.push_back(*std::move(event));
  }

  void part_failed(What what, Call& call, Part& part, Error error, TimePoint now) {
    if (part.need == Need::kOptional) return finish_if_complete(what, call, now);
    error.context = url_of(call, part, 0);
    attempt_failed(what, call, std::move(error), now);
  }

  void attempt_timed_out(What what, Call& call, TimePoint now) {
    const auto late = std::ranges::find_if(
        call.parts, [](const Part& p) { return p.need == Need::kMandatory && !p.complete; });
    if (late == call.parts.end()) return finish(what, call, now);
    attempt_failed(what, call, Error{Errc::directory_timeout, 0, url_of(call, *late, 0)}, now);
  }

  void attempt_failed(What what, Call& call, Error error, TimePoint now) {
    abandon_requests(call);
    // Lists of two epochs are the same directory's passing state: no reason to leave it.
    const bool rotate = error.code != Errc::directory_inconsistent;
    if (rotate) call.base = (call.base + 1) % config_.base_urls.size();
    ++call.attempts_in_round;
    TimePoint retry_at = now;
    if (!rotate || call.attempts_in_round >= config_.base_urls.size()) {
      if (call.rounds == std::size(kBackOff)) return give_up(what, std::move(error));
      retry_at += kBackOff[call.rounds++];
      call.attempts_in_round = 0;
    }
    if (retry_at >= call.give_up_at) return give_up(what, std::move(error));
    if (retry_at == now) return start_attempt(what, call, now);
    call.wake_at = retry_at;
  }

  /// Their answers, should they come, are no longer awaited; those not asked yet never will be.
  void abandon_requests(Call& call) {
    for (const Part& part : call.parts) {
      std::erase_if(output_, [&](const HttpGet& get) { return get.id == part.request; });
    }
    call.parts.clear();
  }

  void give_up(What what, Error error) {
    calls_.erase(what);
    events_.emplace_back(FetchFailed{what, std::move(error)});
  }

  template <class T>
  static std::optional<T> pop(std::deque<T>& queue) {
    if (queue.empty()) return std::nullopt;
    T front = std::move(queue.front());
    queue.pop_front();
    return front;
  }

  ClientConfig config_;
  std::size_t good_base_ = 0;  // worked last
  RequestId last_request_ = 0;
  std::map<What, Call> calls_;  // under way
  std::deque<HttpGet> output_;
  std::deque<Event> events_;
};

Client::Client(ClientConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {}
Client::~Client() = default;

void Client::fetch_topology(TimePoint now) { impl_->start(What::kTopology, now); }
void Client::fetch_entries(TimePoint now) { impl_->start(What::kEntries, now); }
void Client::fetch_exits(TimePoint now) { impl_->start(What::kExits, now); }
void Client::fetch_rotation_info(TimePoint now) { impl_->start(What::kRotationInfo, now); }
std::optional<HttpGet> Client::poll_output() { return impl_->poll_output(); }
void Client::receive(RequestId id, int http_status, base::ByteView body, TimePoint now) {
  impl_->receive(id, http_status, body, now);
}
void Client::failed(RequestId id, TimePoint now) { impl_->failed(id, now); }
std::optional<Event> Client::poll_event() { return impl_->poll_event(); }
base::Deadline Client::next_deadline() const { return impl_->next_deadline(); }
void Client::expire(TimePoint now) { impl_->expire(now); }

}  // namespace mix::directory
