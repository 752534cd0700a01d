// Which gateway to enter and which exit to leave by. spec: topology §7, §8, ipr §1.2
#include <algorithm>
#include <numeric>

#include "mix/base/encoding.h"
#include "mix/directory/semver.h"
#include "mix/directory/topology.h"

namespace mix::directory {
namespace {

using base::Errc;
using base::Error;
using base::Result;
using Identities = std::vector<crypto::Ed25519PublicKey>;

bool contains(const Identities& list, const crypto::Ed25519PublicKey& identity) {
  return std::ranges::find(list, identity) != list.end();
}

std::string url(std::string_view scheme, const std::string& host, std::uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return std::string{scheme} + "://" + (is_ipv6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

/// Where to reach an entry, best first; empty when it cannot be reached in the way asked for.
std::vector<std::string> entry_urls(const Node& node, Tls tls) {
  std::vector<std::string> urls;
  if (!node.entry) return urls;
  const EntryPoints& entry = *node.entry;
  const bool named = !entry.hostname.empty();
  if (tls == Tls::kOptional && entry.ws_port != 0) {
    if (named) urls.push_back(url("ws", entry.hostname, entry.ws_port));
    for (const std::string& ip : node.ip_addresses) urls.push_back(url("ws", ip, entry.ws_port));
  }
  // A certificate needs a name: a port alone is of no use.
  if (named && entry.wss_port) urls.push_back(url("wss", entry.hostname, *entry.wss_port));
  return urls;
}

}  // namespace

Result<EntryChoice> choose_entry(const std::vector<Node>& candidates,
                                 const std::optional<crypto::Ed25519PublicKey>& preferred,
                                 const Identities& excluded, Tls tls, base::Rng& rng,
                                 std::uint8_t min_performance) {
  std::vector<EntryChoice> usable;
  for (const Node& node : candidates) {
    if (node.performance < min_performance || contains(excluded, node.identity)) continue;
    if (preferred && node.identity != *preferred) continue;
    if (auto urls = entry_urls(node, tls); !urls.empty()) {
      usable.push_back({node.identity, std::move(urls)});
    }
  }
  if (usable.empty()) {
    Error error{Errc::directory_no_entry};
    if (preferred) error.context = base::base58_encode(preferred->view());
    return error;
  }
  return std::move(usable[static_cast<std::size_t>(rng.uniform(usable.size()))]);
}

Result<ExitDescription> choose_exit(const std::vector<ExitDescription>& candidates,
                                    const crypto::Ed25519PublicKey& entry,
                                    const Identities& excluded, base::Rng& rng,
                                    std::uint8_t min_performance) {
  const auto is_usable = [&](const ExitDescription& exit) {
    if (exit.performance == 0 || exit.performance < min_performance) return false;
    if (exit.identity == entry || exit.ipr_gateway == entry) return false;
    if (contains(excluded, exit.identity)) return false;
    const auto version = Version::parse(exit.build_version);
    return version.has_value() && *version >= kFirstWithIprV9;
  };
  std::vector<const ExitDescription*> usable;
  std::uint64_t total_weight = 0;
  for (const ExitDescription& exit : candidates) {
    if (!is_usable(exit)) continue;
    usable.push_back(&exit);
    total_weight += exit.performance;
  }
  if (usable.empty()) return Errc::directory_no_exit;
  std::uint64_t ticket = rng.uniform(total_weight);
  for (const ExitDescription* exit : usable) {
    if (ticket < exit->performance) return *exit;
    ticket -= exit->performance;
  }
  return *usable.back();  // not reached: the tickets cover the total weight
}

}  // namespace mix::directory
