// A local mixnet on sockets. Either the whole in one process on loopback: directory, entry
// gateways, mixes, exits and the admin interface. Or one role of a network that is spread over
// several processes and hosts: the directory, or a node that announces itself to it. Everything
// runs in handlers of one io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mix/base/log.h"
#include "mix/base/rng.h"
#include "mix/localnet/cluster.h"
#include "mix/localnet/exit.h"

namespace mix::localnet {

/// One role of a network of several processes. Ports as on the live network.
struct SiteConfig {
  enum class Role : std::uint8_t { kDirectory, kEntry, kMix, kExit } role = Role::kDirectory;
  std::uint8_t layer = 0;             // kMix: 1..3
  std::string address = "127.0.0.1";  // IP literal: where it listens, and what others are told
  std::uint16_t mix_port = 1789;      // of a node; 0: any free one
  std::uint16_t ws_port = 9000;       // of a gateway, for clients; 0: any free one
  std::string directory_url;          // of a node: whom it announces itself to
  std::string admin_address = "127.0.0.1";  // of admin interface, metrics and status page
  std::uint16_t admin_port = 0;             // 0: any free one
};

struct NetworkConfig {
  /// When set, this process has one role only and the counts of nodes below mean nothing.
  std::optional<SiteConfig> site;
  std::uint16_t directory_port = 0;  // 0: any free one; all other ports are always free ones
  std::uint32_t gateways = 1;
  std::uint32_t mixes_per_layer = 1;
  std::uint32_t exits = 2;  // two, so that an exit remains when one is drawn as entry

  /// Do exits serve as entries too, as on the live network? Else they have no WebSocket and are
  /// missing in the list of entries, where the reference client looks up its route's last hop.
  enum class ExitEntries : std::uint8_t { kYes, kNo } exit_entries = ExitEntries::kYes;
  /// One address for all nodes, or 127.0.0.2, 127.0.0.3, ... each its own (IPv4 loopback only).
  enum class Addresses : std::uint8_t { kShared, kDistinct } addresses = Addresses::kShared;

  EpochConfig epochs;
  sphinx::FrameVersion frame_version = sphinx::FrameVersion::kLegacy;
  GatewayConfig gateway;
  ExitConfig exit;
  std::string build_version = "1.37.0";
  std::string exit_build_version = "1.37.0";
  /// Differs: the reference waits 10 s * 2^n, which is too long to test recovery with.
  base::Duration reconnect_backoff = std::chrono::milliseconds{100};
};

/// Where things are, for tests and for the program's output.
struct NetworkAddresses {
  struct EntryAddress {
    directory::NodeId id = 0;
    std::string identity;  // base58
    std::string url;       // ws://127.0.0.1:…
  };
  struct ExitAddress {
    directory::NodeId id = 0;
    std::string identity;     // base58
    std::string ipr_address;  // identity.encryption@gateway
  };
  struct MixAddress {
    directory::NodeId id = 0;
    std::uint8_t layer = 0;
    std::string identity;
    std::string address;
  };
  std::string directory_url;          // http://127.0.0.1:…/api
  std::string admin_url;              // http://127.0.0.1:…/admin
  std::vector<EntryAddress> entries;  // gateways first, then exits that serve as entries
  std::vector<ExitAddress> exits;
  std::vector<MixAddress> mixes;
};

class Network {
 public:
  /// Listens and serves as soon as `io` runs. `io`, `rng` and `log` must outlive the network.
  /// Throws std::invalid_argument for a bad option, boost::system::system_error when a port is
  /// taken.
  Network(boost::asio::io_context& io, const NetworkConfig& config, base::Rng& rng,
          base::Log& log = base::null_log());
  /// Calls stop().
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// In a process with one role: of all nodes that the directory knew last.
  [[nodiscard]] const NetworkAddresses& addresses() const;
  /// Calls back once: when the directory has taken in this process's node; at once in a process
  /// that needs none.
  void when_ready(std::function<void()> ready);
  /// Why that has not happened yet, for people; empty when nothing is wrong.
  [[nodiscard]] std::string problem() const;
  /// The addresses as one line of JSON.
  [[nodiscard]] std::string description() const;
  /// Nodes, keys, counters. Only from the thread that runs `io`.
  [[nodiscard]] Cluster& cluster();
  /// Closes every socket and timer; `io` runs out of work.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::localnet
