// The engine: owns every rung below, runs jobs, and is driven by its host in turns.
//
//   host inputs ──> Path (directory, gateway, mixnet, ipr) <──IP packets──> net ── tls ── jobs
//   host <── poll_action(): frames to send, directory calls, news
//
// Life cycle (State):  kConnecting ──> kReady ──> kShuttingDown ──> kShutdown
//                          ^   |          |
//                          |   v          v (gateway or exit lost: reconnects)
//                          | kFailed  kConnecting
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mix/base/log.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/dns/resolver.h"
#include "mix/http/redirect.h"
#include "mix/ipr/client.h"
#include "mix/mixnet/client.h"
#include "mix/net/stack.h"
#include "mix/tunnel/host.h"
#include "mix/tunnel/key_store.h"
#include "mix/tunnel/message.h"
#include "mix/tunnel/options.h"

namespace mix::tunnel {

using http::RedirectMode;

/// Order among requests that wait for a connection to one origin.
enum class Priority : std::uint8_t { kHigh, kAuto, kLow };
/// Are content codings removed?
enum class Decompress : std::uint8_t { kOff, kOn };
/// kAsk: each redirect is told, and waits for the cookies of the next request.
enum class Cookies : std::uint8_t { kNone, kAsk };
enum class UploadNews : std::uint8_t { kNone, kTell };

struct FetchRequest {
  std::string method = "GET";
  std::string url;
  http::HeaderList headers;
  base::Bytes body;
  std::optional<http::StreamedBody> streamed;  // instead of `body`: given piece by piece
  http::Replay replay = http::Replay::kImpossible;
  RedirectMode redirect = RedirectMode::kFollow;
  std::optional<std::uint8_t> max_redirects;  // none: the tunnel's option
  bool default_headers = true;
  base::Duration connect_timeout = std::chrono::seconds{60};   // name, TCP and TLS together
  base::Duration headers_timeout = std::chrono::seconds{120};  // from request to head
  base::Duration body_timeout = std::chrono::seconds{120};     // between body chunks, both ways
  std::optional<base::Duration> total_timeout;                 // whole exchange
  std::string isolation_key;  // other keys: other connections, sessions, names
  Priority priority = Priority::kAuto;
  Decompress decompress = Decompress::kOn;
  Cookies cookies = Cookies::kNone;
  UploadNews upload_news = UploadNews::kNone;
  std::optional<std::uint64_t> max_response_size;  // bytes of body as the page sees it
};

/// Who is on the path. Set while connected.
struct Info {
  std::string address;  // own Nym address
  std::string gateway;  // base58 identity
  std::string exit;     // Nym address of the IPR; empty without one
  std::optional<ipr::Assignment> assignment;
};

struct Stats {
  mixnet::ClientStats mixnet;
  net::StackStats net;
  dns::CacheStats dns;
  base::Duration uptime{};  // since the tunnel was ready first
  StepTimes set_up{};       // how long each step took; that of kReady is the whole
  std::uint32_t surbs_at_exit = 0;
  std::uint64_t fetches_started = 0;
  std::size_t fetches = 0, websockets = 0, jobs = 0, pooled = 0;  // now
};

class Engine {
 public:
  /// Nothing happens before `start`. `clock`, `rng`, `log` and `urls` outlive the engine. At most
  /// one engine lives in a process (see net::Stack). `urls` says where redirects lead; without it
  /// they lead to hosts with ASCII names only.
  Engine(Options options, const base::Clock& clock, base::Rng& rng, base::Log& log,
         const http::UrlResolver* urls = nullptr);
  ~Engine();

  /// Validates the options, opens stored keys and starts connecting. Errors: those of `validate`,
  /// `storage_corrupt`, `storage_wrong_passphrase`, `storage_failed`.
  [[nodiscard]] base::Result<void> start(StoredKeys stored = {});
  /// Ends jobs with `tunnel_shut_down`, tells the exit (best effort) and stops. Idempotent.
  void shutdown();

  // Reports of the host. Unknown and stale ids are ignored.
  void link_opened(LinkId link);
  void link_received(LinkId link, const gateway::LinkFrame& frame);
  void link_closed(LinkId link);
  /// Bytes that wait in the host's WebSocket, for back-pressure.
  void link_buffered(LinkId link, std::size_t bytes);
  void directory_answer(RequestId request, int http_status, base::ByteView body);
  void directory_failed(RequestId request);

  /// The host woke up, the page became visible, or the network changed: the path is looked after at
  /// once. Sleep that shows in the clocks (they disagree, or a turn comes late) is noticed anyway.
  void wake();
  /// Leaves the exit for this one (a Nym address), or for a random other one. The state tells the
  /// rest; TCP connections end with `ipr_disconnected`. Errors: `config_bad_ipr_address`,
  /// `usage_not_ready`.
  [[nodiscard]] base::Result<void> switch_exit(const std::optional<std::string>& ipr);

  /// Starts a fetch; answers come as FetchHead, FetchChunk…, FetchEnd or JobFailed.
  /// Errors: `usage_not_ready` (not set up or shut down), `usage_bad_url`, `usage_bad_scheme`,
  /// `usage_bad_header`, `usage_bad_method`, `usage_bad_body`.
  [[nodiscard]] base::Result<JobId> start_fetch(FetchRequest request);
  /// The reader took body bytes: that much more may come. Errors: `usage_stale_handle`.
  [[nodiscard]] base::Result<void> fetch_consumed(JobId job, std::size_t bytes);
  /// A piece of a streamed body in answer to FetchBodyWanted, or its end. Stale ids and attempts
  /// are ignored.
  void fetch_body(JobId job, std::uint32_t attempt, base::ByteView piece);
  void fetch_body_end(JobId job, std::uint32_t attempt);
  /// Answers FetchRedirected: follow it, with this Cookie field or none.
  void fetch_go_on(JobId job, std::optional<std::string> cookie);
  /// Starts a look-up; answers with LookupFinished or JobFailed. Errors: `usage_not_ready`.
  [[nodiscard]] base::Result<JobId> start_lookup(std::string_view host);
  /// Sends a message to another client; answers with MessageConfirmed or JobFailed
  /// (`mixnet_undelivered`, `mixnet_timeout`, `mixnet_unknown_sender`, `mixnet_no_surbs`,
  /// `directory_unknown_node`, `mixnet_message_too_long`). Works without an exit.
  /// Errors: `usage_not_ready`, `usage_queue_full`, `mixnet_bad_recipient`, `mixnet_empty_reply`,
  /// `mixnet_message_too_long`, `config_bad_option`.
  [[nodiscard]] base::Result<JobId> send_message(MessageRequest request);
  /// Opens a channel; its news come as ChannelEvents. Errors: `usage_not_ready`,
  /// `usage_queue_full`, and those of the request (see channel.h).
  [[nodiscard]] base::Result<JobId> open_channel(ChannelRequest request);
  /// Errors: `usage_stale_handle`, and those of the command.
  [[nodiscard]] base::Result<void> command(JobId channel, ChannelCommand command);
  void clear_dns_cache();
  /// Ends a job without further news of it. Stale ids are ignored.
  void cancel(JobId job);

  /// One pass over everything until quiet or out of budget. Returns when to call again at the
  /// latest (perhaps now); nothing when only inputs matter.
  [[nodiscard]] base::Deadline turn();
  /// What the turn produced, oldest first; call until empty.
  [[nodiscard]] std::optional<Action> poll_action();

  [[nodiscard]] State state() const;
  [[nodiscard]] std::optional<Info> info() const;
  [[nodiscard]] Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::tunnel
