#include "network_addresses.h"

#include <nlohmann/json.hpp>

#include "mix/base/encoding.h"

namespace mix::localnet {

std::string authority(const std::string& ip, std::uint16_t port) {
  const bool is_v6 = ip.find(':') != std::string::npos;
  return (is_v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

void collect_nodes(const DirectoryState& state, NetworkAddresses& addresses) {
  addresses.entries.clear();
  addresses.exits.clear();
  addresses.mixes.clear();
  for (const NodeRecord& node : state.nodes) {
    const std::string identity = base::base58_encode(node.identity.view());
    if (node.ws_port) {
      addresses.entries.push_back(
          {node.id, identity, "ws://" + authority(node.ip_address, *node.ws_port)});
    }
    if (node.role == NodeRole::kExit) {
      addresses.exits.push_back({node.id, identity, node.ipr_address});
    }
    if (node.role == NodeRole::kMix) {
      addresses.mixes.push_back(
          {node.id, node.layer, identity, authority(node.ip_address, node.mix_port)});
    }
  }
}

std::string to_json(const NetworkAddresses& addresses) {
  using Json = nlohmann::ordered_json;
  Json entries = Json::array();
  for (const auto& entry : addresses.entries) {
    entries.push_back({{"id", entry.id}, {"identity", entry.identity}, {"url", entry.url}});
  }
  Json exits = Json::array();
  for (const auto& exit : addresses.exits) {
    exits.push_back({{"id", exit.id}, {"identity", exit.identity}, {"ipr", exit.ipr_address}});
  }
  Json mixes = Json::array();
  for (const auto& mix : addresses.mixes) {
    mixes.push_back({{"id", mix.id},
                     {"layer", mix.layer},
                     {"identity", mix.identity},
                     {"address", mix.address}});
  }
  return Json{{"directory", addresses.directory_url},
              {"admin", addresses.admin_url},
              {"entries", std::move(entries)},
              {"exits", std::move(exits)},
              {"mixes", std::move(mixes)}}
      .dump();
}

}  // namespace mix::localnet
