// The directory calls of a client, sans-I/O: asks the host for URLs, reads the JSON answers.
// spec: topology §1 to §3, §5. Paging, several base URLs, retries and deadlines live here.
//
//   a call:  attempt at one base URL (all its lists in parallel, page after page)
//              -> ready
//              -> failed: the next base URL; after the last one wait 1, 2, 4 s, then give up
//
// The base URL that worked last is the first one of the next call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mix/base/time.h"
#include "mix/directory/topology.h"

namespace mix::directory {

struct ClientConfig {
  std::vector<std::string> base_urls;  // tried in order; with or without a trailing slash
  /// Of one attempt at most: its requests in parallel, with all their pages. It gets less when
  /// several base URLs have to share what is left of `first_fetch_timeout`, so that a silent first
  /// one does not use it up.
  base::Duration request_timeout = std::chrono::seconds{30};
  base::Duration first_fetch_timeout = std::chrono::seconds{30};  // of a call, over all retries
  base::Duration refresh_interval = std::chrono::minutes{5};      // for the engine
  std::uint8_t min_mixnode_performance = kMinPerformance;         // percent
  std::uint8_t min_gateway_performance = kMinPerformance;
};

using RequestId = std::uint64_t;

/// For the host: GET this URL, no custom headers, and report by `receive` or `failed`.
struct HttpGet {
  RequestId id;
  std::string url;
};

struct TopologyReady {
  std::shared_ptr<const Topology> topology;
};
struct EntriesReady {
  std::vector<Node> candidates;
};
struct ExitsReady {
  std::vector<ExitDescription> candidates;
};
struct RotationInfoReady {
  KeyRotationInfo info;
};
/// A whole call failed over all base URLs; the previous topology stays valid. The error is that of
/// the last attempt, its context the URL: `directory_unreachable`, `directory_bad_status` (detail:
/// the status), `directory_malformed`, `directory_inconsistent`, `directory_not_routable`,
/// `directory_timeout`.
struct FetchFailed {
  enum class What : std::uint8_t { kTopology, kEntries, kExits, kRotationInfo } what;
  base::Error error;
};
using Event = std::variant<TopologyReady, EntriesReady, ExitsReady, RotationInfoReady, FetchFailed>;

class Client {
 public:
  explicit Client(ClientConfig config);
  ~Client();

  // Commands; answers come as events. Each may be running once at a time: a second one is ignored.
  void fetch_topology(base::TimePoint now);  // rewarded set, mixnodes, entries, exits in parallel
  void fetch_entries(base::TimePoint now);
  void fetch_exits(base::TimePoint now);  // described + skimmed, joined
  void fetch_rotation_info(base::TimePoint now);

  [[nodiscard]] std::optional<HttpGet> poll_output();
  /// An answer. One that is no longer awaited is ignored.
  void receive(RequestId id, int http_status, base::ByteView body, base::TimePoint now);
  /// No answer will come: the network failed.
  void failed(RequestId id, base::TimePoint now);
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::directory
