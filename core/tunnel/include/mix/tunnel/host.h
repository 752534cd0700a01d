// What the engine asks of its host (browser worker, POSIX program, test) and what it tells it.
// The host performs actions in order and reports back through the engine's inputs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/time.h"
#include "mix/gateway/session.h"
#include "mix/http/exchange.h"
#include "mix/tunnel/channel.h"

namespace mix::tunnel {

using LinkId = std::uint32_t;
using RequestId = std::uint64_t;
/// Handle of a running job. Never reused within an engine.
using JobId = std::uint32_t;

// --- Work for the host ---

/// Open a WebSocket; report link_opened or link_closed.
struct OpenLink {
  LinkId link;
  std::string url;
};
struct SendOnLink {
  LinkId link;
  gateway::LinkFrame frame;
};
struct CloseLink {
  LinkId link;
};
/// GET a directory URL without custom headers; report directory_answer or directory_failed.
struct GetFromDirectory {
  RequestId request;
  std::string url;
};
/// Keep this record of the client's keys in place of the former one. Failure is the host's to tell.
struct SaveKeys {
  base::Bytes record;
};

// --- News for the host ---

enum class State : std::uint8_t { kConnecting, kReady, kShuttingDown, kShutdown, kFailed };
/// spec: api part 2 §2.
enum class Step : std::uint8_t {
  kKeys,
  kDirectory,
  kGateway,
  kRegister,
  kTopology,
  kExit,
  kReady,
};
/// By Step.
using StepTimes = std::array<base::Duration, static_cast<std::size_t>(Step::kReady) + 1>;
[[nodiscard]] std::string_view state_name(State state);
[[nodiscard]] std::string_view step_name(Step step);

struct StateChanged {
  State state = State::kConnecting;
  std::optional<Step> step;
  std::uint32_t attempt = 0;  // counts reconnections; 0 at first
  std::optional<base::Error> error;
};

/// The tunnel works, but not quite as was asked.
struct Warning {
  base::Error error;
};

/// Where the time of a fetch went, milliseconds since its start; absent phases are empty.
struct FetchTiming {
  std::optional<double> dns, connect, tls, request, first_byte, end;
  bool reused = false;
};

struct FetchHead {
  JobId job;
  std::uint16_t status;
  std::string reason;
  http::HeaderList headers;
  std::string url;  // after redirects, with fragment
  bool redirected;
};
struct FetchChunk {
  JobId job;
  base::Bytes bytes;
};
/// The page should give this many more bytes of its streamed body, from the beginning again when
/// `attempt` is a new one.
struct FetchBodyWanted {
  JobId job;
  std::uint32_t attempt;
  std::size_t bytes;
};
/// So many bytes of the request's body are with the server.
struct FetchUploaded {
  JobId job;
  std::uint64_t bytes;
};
/// A redirect is about to be followed; answer with Engine::fetch_go_on.
struct FetchRedirected {
  JobId job;
  std::string from, to;          // URLs without fragment
  http::HeaderList set_cookies;  // of the redirect
};
struct FetchEnd {
  JobId job;
  FetchTiming timing;
};

enum class Phase : std::uint8_t { kSetup, kDns, kConnect, kTls, kRequest, kResponse };
[[nodiscard]] std::string_view phase_name(Phase phase);

struct JobFailed {
  JobId job;
  base::Error error;
  Phase phase;
  bool retryable;  // no byte of the request can have reached the server
};
struct LookupFinished {
  JobId job;
  std::vector<std::string> addresses;  // A first, then AAAA
};
/// A mixnet message for this client itself. spec: api part 2 §8.
struct MixMessage {
  base::Bytes data;
  std::optional<std::string> sender_tag;  // base58
};
/// A message given to send_message was acknowledged in all its parts.
struct MessageConfirmed {
  JobId job;
};

/// News of a channel: see channel.h.
struct ChannelEvent {
  JobId job;
  ChannelNews news;
};

using Action =
    std::variant<OpenLink, SendOnLink, CloseLink, GetFromDirectory, StateChanged, FetchHead,
                 FetchChunk, FetchBodyWanted, FetchUploaded, FetchRedirected, FetchEnd, JobFailed,
                 LookupFinished, MixMessage, MessageConfirmed, SaveKeys, Warning, ChannelEvent>;

}  // namespace mix::tunnel
