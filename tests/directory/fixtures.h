// Answers of a directory: the spec's examples as literal JSON, and lists of made-up nodes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mix/base/encoding.h"
#include "mix/directory/answers.h"

namespace mix::directory {

/// spec: topology §3.1
inline constexpr std::string_view kSkimmedExample = R"({
  "metadata": {
    "status": {"fresh": {"id": 12, "epochs_in_interval": 720, "current_epoch_start": "2026-11-21T05:00:00Z",
                          "current_epoch_id": 40, "epoch_length": {"secs": 3600, "nanos": 0}, "total_elapsed_epochs": 8680}},
    "absolute_epoch_id": 8680,
    "rotation_id": 361,
    "refreshed_at": "2026-11-21T05:01:10Z"
  },
  "nodes": {
    "pagination": {"total": 1, "page": 0, "size": 1},
    "data": [{
      "node_id": 42,
      "ed25519_identity_pubkey": "8qpTjrqpiGaCmh4dKM1Lygfo5QNFroo2yDm2Wwxonz5S",
      "ip_addresses": ["203.0.113.7", "2001:db8::7"],
      "mix_port": 1789,
      "x25519_sphinx_pubkey": "ArucTFkVhBWtm4GidWAdRMpAcYxE35sgbyqxBLRrnAmD",
      "role": {"Mixnode": {"layer": 2}},
      "supported_roles": {"mixnode": true, "entry": false, "exit_nr": false, "exit_ipr": false},
      "entry": {"hostname": "gw.example.org", "ws_port": 9000, "wss_port": 9001},
      "performance": "0.99"
    }]
  }
})";

/// spec: topology §3.2
inline constexpr std::string_view kRewardedSetExample =
    R"({"epoch_id": 8680, "entry_gateways": [4], "exit_gateways": [5], "layer1": [1], "layer2": [2], "layer3": [3], "standby": []})";

/// spec: topology §3.3
inline constexpr std::string_view kRotationInfoExample =
    R"({"key_rotation_state": {"validity_epochs": 24, "initial_epoch_id": 0},
 "current_absolute_epoch_id": 100, "current_epoch_start": "2026-11-21T05:05:45Z",
 "epoch_duration": {"secs": 3600, "nanos": 0},
 "progress": {"current_key_rotation_id": 4, "current_rotation_starting_epoch": 96, "current_rotation_ending_epoch": 119}})";

/// Base58 of a valid identity key; each number gives another one.
[[nodiscard]] inline std::string identity_text(std::uint8_t number) {
  crypto::Secret<32> seed;
  seed.reveal_mut()[0] = number;
  return base::base58_encode(crypto::Ed25519KeyPair::from_seed(std::move(seed)).public_key.view());
}
[[nodiscard]] inline crypto::Ed25519PublicKey identity(std::uint8_t number) {
  return crypto::parse_ed25519(identity_text(number)).value();
}
[[nodiscard]] inline std::string sphinx_key_text(std::uint8_t number) {
  crypto::Secret<32> secret;
  secret.reveal_mut()[1] = number;
  return base::base58_encode(
      crypto::X25519KeyPair::from_secret(std::move(secret)).public_key.view());
}

/// A node of a skimmed list, as JSON. Fields are JSON text; an empty one is left out.
struct NodeJson {
  std::string id, identity, addresses, port, key, roles, entry, performance;

  explicit NodeJson(std::uint8_t number)
      : id(std::to_string(number)),
        identity("\"" + identity_text(number) + "\""),
        addresses("[\"10.0.0." + std::to_string(number) + "\"]"),
        port("1789"),
        key("\"" + sphinx_key_text(number) + "\""),
        roles(R"({"mixnode":false,"entry":true,"exit_nr":true,"exit_ipr":true})"),
        entry("null"),
        performance("\"1\"") {}

  [[nodiscard]] std::string text() const {
    std::string out = "{";
    const auto field = [&out](std::string_view name, const std::string& value) {
      if (value.empty()) return;
      if (out.size() > 1) out += ",";
      out += "\"" + std::string{name} + "\":" + value;
    };
    field("node_id", id);
    field("ed25519_identity_pubkey", identity);
    field("ip_addresses", addresses);
    field("mix_port", port);
    field("x25519_sphinx_pubkey", key);
    field("role", "\"Standby\"");
    field("supported_roles", roles);
    field("entry", entry);
    field("performance", performance);
    return out + "}";
  }
};

[[nodiscard]] inline std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ",") + item;
  return out;
}

/// A page of a skimmed list. `total` of all pages; by default this is the only one.
[[nodiscard]] inline std::string skimmed(const std::vector<std::string>& nodes, int rotation = 361,
                                         std::size_t total = SIZE_MAX) {
  return R"({"metadata":{"status":null,"absolute_epoch_id":8680,"rotation_id":)" +
         std::to_string(rotation) +
         R"(,"refreshed_at":"2026-11-21 05:01:10.0 +00:00:00"},"nodes":{"pagination":{"total":)" +
         std::to_string(total == SIZE_MAX ? nodes.size() : total) +
         R"(,"page":0,"size":1},"data":[)" + join(nodes) + "]}}";
}

/// A node of the described list, as JSON.
[[nodiscard]] inline std::string described_node(std::uint8_t number, std::string_view version,
                                                std::string_view router) {
  return R"({"node_id":)" + std::to_string(number) +
         R"(,"contract_node_type":"nym_node","description":{"last_polled":"2026-11-21T05:00:00Z",)"
         R"("host_information":{"ip_address":["203.0.113.9"],"hostname":null,"keys":{"ed25519":")" +
         identity_text(number) + R"(","x25519":"x"}},"build_information":{"build_version":")" +
         std::string{version} + R"("},"ip_packet_router":)" + std::string{router} +
         R"(,"lewes_protocol":null}})";
}

/// "id.enc@gateway" of a router that sits at the node `number`.
[[nodiscard]] inline std::string ipr_address(std::uint8_t number) {
  return identity_text(static_cast<std::uint8_t>(number + 100)) + "." + sphinx_key_text(number) +
         "@" + identity_text(number);
}
[[nodiscard]] inline std::string ipr_json(std::uint8_t number) {
  return R"({"address":")" + ipr_address(number) + R"("})";
}

[[nodiscard]] inline std::string described(const std::vector<std::string>& nodes,
                                           std::size_t total = SIZE_MAX) {
  return R"({"pagination":{"total":)" + std::to_string(total == SIZE_MAX ? nodes.size() : total) +
         R"(,"page":0,"size":1},"data":[)" + join(nodes) + "]}";
}

}  // namespace mix::directory
