// The service provider of the exit: sessions by sender tag, addresses, spoof check, policy,
// bundling. Sans-I/O: mixnet messages and IP packets in, the same out. spec: ipr §5 to §9.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/localnet/ip.h"
#include "mix/localnet/policy.h"
#include "mix/mixnet/client.h"

namespace mix::localnet {

/// Which requests the exit answers. spec: ipr §1.
enum class NewestVersion : std::uint8_t { k9 = 9, k10 = 10 };

struct IpRouterConfig {
  NewestVersion newest = NewestVersion::k10;  // k9 drops v10 in silence
  LocalDestinations local = LocalDestinations::kRefused;
  /// Destinations that the NAT sends elsewhere are not judged by where they would lie; the policy
  /// still applies. Empty: none.
  std::function<bool(const IpEndpoint&)> is_mapped;
  ExitPolicy policy = ExitPolicy::open();
  std::uint16_t mtu = 1420;  // reported in v10
  base::Duration idle_limit = std::chrono::seconds{60};
  base::Duration idle_check = std::chrono::seconds{10};
  base::Duration bundle_timeout = std::chrono::milliseconds{20};
  std::size_t max_sessions = 4096;
};

using SessionId = std::uint32_t;

/// For mixnet::Client::reply.
struct RouterReply {
  mixnet::SenderTag to;
  base::Bytes data;
  mixnet::SendOptions options;
};
/// A session's packet that may leave to the internet.
struct RouterForward {
  SessionId session = 0;
  base::Bytes ip_packet;
};
struct SessionOpened {
  SessionId session = 0;
  IpAddress v4, v6;
};
struct SessionClosed {
  SessionId session = 0;
};
using RouterOutput = std::variant<RouterReply, RouterForward, SessionOpened, SessionClosed>;

struct IpRouterStats {
  std::size_t sessions = 0;
  std::uint64_t from_clients = 0, to_clients = 0;  // IP packets
  std::uint64_t denied = 0, spoofed = 0, malformed = 0;
};

class IpRouter {
 public:
  IpRouter(const IpRouterConfig& config, base::Rng& rng);
  ~IpRouter();

  /// A mixnet message: raw v8 or a SphinxStream frame with v9 or v10.
  void receive(base::ByteView message, const std::optional<mixnet::SenderTag>& sender,
               base::TimePoint now);
  /// A packet from the internet for the client of a session.
  void receive_packet(SessionId session, base::ByteView ip_packet, base::TimePoint now);
  [[nodiscard]] std::optional<RouterOutput> poll_output();
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now);
  [[nodiscard]] IpRouterStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::localnet
