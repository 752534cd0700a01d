#include "mix/directory/answers.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "mix/json/reader.h"

namespace mix::directory {
namespace {

using base::Errc;
using base::Result;

Result<json::Value> parse_body(base::ByteView body) {
  auto value = json::parse(base::as_text(body), {kMaxAnswerSize, kMaxAnswerDepth});
  if (!value) return Errc::directory_malformed;
  return *std::move(value);
}

template <class T>
Result<T> required(const std::optional<T>& value) {
  if (!value) return Errc::directory_malformed;
  return *value;
}

template <std::integral T>
Result<T> integer_field(const json::Value& object, std::string_view key) {
  return required(json::integer<T>(json::find(object, key)));
}

Result<std::string_view> text_field(const json::Value& object, std::string_view key) {
  return required(json::text(json::find(object, key)));
}

/// Reads each element of a list by `parse`; one that fails is skipped and counted.
template <class T, class Parse>
Result<std::pair<Paging, std::vector<T>>> parse_list(const json::Value* list, Parse parse) {
  const auto* elements = json::array(json::find(list, "data"));
  const auto total =
      json::integer<std::size_t>(json::find(json::find(list, "pagination"), "total"));
  if (elements == nullptr || !total || *total > kMaxNodes || elements->size() > kMaxNodes) {
    return Errc::directory_malformed;
  }
  std::pair<Paging, std::vector<T>> out{{.total = *total, .on_page = elements->size()}, {}};
  for (const json::Value& element : *elements) {
    auto parsed = parse(element);
    if (parsed) {
      out.second.push_back(*std::move(parsed));
    } else {
      ++out.first.skipped;
    }
  }
  return out;
}

// --- skimmed; spec: topology §3.1 ---

/// Characters of a name that can stand in a URL as it is.
bool is_hostname(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

Result<EntryPoints> parse_entry_points(const json::Value& value) {
  EntryPoints out;
  MIX_TRY(out.ws_port, integer_field<std::uint16_t>(value, "ws_port"));
  if (const json::Value* hostname = json::find(value, "hostname"); !json::is_absent(hostname)) {
    MIX_TRY(const std::string_view name, required(json::text(hostname)));
    // Operators write what they like, or nothing: without a usable name the node is still a hop.
    if (is_hostname(name)) out.hostname = name;
  }
  if (const json::Value* port = json::find(value, "wss_port"); !json::is_absent(port)) {
    MIX_TRY(const auto wss_port, required(json::integer<std::uint16_t>(port)));
    if (wss_port != 0) out.wss_port = wss_port;
  }
  return out;
}

SupportedRoles parse_roles(const json::Value* roles) {
  const auto flag = [roles](std::string_view key) {
    return json::boolean(json::find(roles, key)).value_or(false);
  };
  return {.mixnode = flag("mixnode"),
          .entry = flag("entry"),
          .exit_nr = flag("exit_nr"),
          .exit_ipr = flag("exit_ipr")};
}

Result<Node> parse_node(const json::Value& value) {
  Node out;
  MIX_TRY(out.id, integer_field<NodeId>(value, "node_id"));
  MIX_TRY(const auto identity, text_field(value, "ed25519_identity_pubkey"));
  MIX_TRY(out.identity, crypto::parse_ed25519(identity));
  MIX_TRY(const auto sphinx_key, text_field(value, "x25519_sphinx_pubkey"));
  MIX_TRY(out.sphinx_key, crypto::parse_x25519(sphinx_key));
  const auto* addresses = json::array(json::find(value, "ip_addresses"));
  if (addresses == nullptr || addresses->empty()) return Errc::directory_malformed;
  for (const json::Value& address : *addresses) {
    MIX_TRY(const std::string_view text, required(json::text(&address)));
    if (!is_ip_literal(text)) return Errc::directory_malformed;
    out.ip_addresses.emplace_back(text);
  }
  MIX_TRY(out.mix_port, integer_field<std::uint16_t>(value, "mix_port"));
  if (out.mix_port == 0) return Errc::directory_malformed;
  if (const json::Value* entry = json::find(value, "entry"); !json::is_absent(entry)) {
    MIX_TRY(out.entry, parse_entry_points(*entry));
  }
  out.roles = parse_roles(json::find(value, "supported_roles"));
  MIX_TRY(const auto performance, text_field(value, "performance"));
  MIX_TRY(out.performance, parse_performance(performance));
  return out;
}

// --- described; spec: topology §3.4 ---

/// The gateway part of `identity.encryption@gateway`, when all three parts are keys.
Result<crypto::Ed25519PublicKey> parse_ipr_gateway(std::string_view address) {
  const std::size_t dot = address.find('.');
  const std::size_t at = address.find('@');
  if (dot == std::string_view::npos || at == std::string_view::npos || at < dot) {
    return Errc::directory_malformed;
  }
  MIX_CHECK(crypto::parse_ed25519(address.substr(0, dot)));
  MIX_CHECK(crypto::parse_x25519(address.substr(dot + 1, at - dot - 1)));
  return crypto::parse_ed25519(address.substr(at + 1));
}

/// Nothing for a node without an IP packet router.
Result<std::optional<DescribedExit>> parse_described_node(const json::Value& value) {
  const json::Value* description = json::find(value, "description");
  if (description == nullptr || !description->is_object()) return Errc::directory_malformed;
  const json::Value* router = json::find(description, "ip_packet_router");
  if (json::is_absent(router)) return std::optional<DescribedExit>{};
  DescribedExit out;
  const json::Value* keys = json::find(json::find(description, "host_information"), "keys");
  MIX_TRY(const std::string_view identity, required(json::text(json::find(keys, "ed25519"))));
  MIX_TRY(out.identity, crypto::parse_ed25519(identity));
  MIX_TRY(out.ipr_address, text_field(*router, "address"));
  MIX_TRY(out.ipr_gateway, parse_ipr_gateway(out.ipr_address));
  const json::Value* build = json::find(description, "build_information");
  MIX_TRY(out.build_version, required(json::text(json::find(build, "build_version"))));
  return std::optional{std::move(out)};
}

// --- rewarded set and rotation; spec: topology §3.2, §3.3 ---

Result<std::vector<NodeId>> parse_ids(const json::Value& object, std::string_view key) {
  const auto* elements = json::array(json::find(object, key));
  if (elements == nullptr || elements->size() > kMaxNodes) return Errc::directory_malformed;
  std::vector<NodeId> out;
  out.reserve(elements->size());
  for (const json::Value& element : *elements) {
    MIX_TRY(const NodeId id, required(json::integer<NodeId>(&element)));
    out.push_back(id);
  }
  return out;
}

Result<base::Duration> parse_duration(const json::Value* value) {
  MIX_TRY(const auto seconds, required(json::integer<std::uint64_t>(json::find(value, "secs"))));
  MIX_TRY(const auto nanos, required(json::integer<std::uint32_t>(json::find(value, "nanos"))));
  constexpr auto kMaxSeconds =
      static_cast<std::uint64_t>(std::chrono::seconds{kMaxEpochDuration}.count());
  constexpr std::uint32_t kNanosPerSecond = 1'000'000'000;
  if (seconds > kMaxSeconds || nanos >= kNanosPerSecond) return Errc::directory_malformed;
  return base::Duration{std::chrono::seconds{seconds}} + std::chrono::nanoseconds{nanos};
}

}  // namespace

Result<SkimmedPage> parse_skimmed(base::ByteView body) {
  MIX_TRY(const json::Value value, parse_body(body));
  SkimmedPage out;
  const json::Value* metadata = json::find(value, "metadata");
  if (metadata == nullptr) return Errc::directory_malformed;
  MIX_TRY(out.metadata.absolute_epoch_id,
          integer_field<std::uint32_t>(*metadata, "absolute_epoch_id"));
  MIX_TRY(out.metadata.rotation_id, integer_field<std::uint32_t>(*metadata, "rotation_id"));
  MIX_TRY(auto list, parse_list<Node>(json::find(value, "nodes"), parse_node));
  out.paging = list.first;
  out.nodes = std::move(list.second);
  return out;
}

Result<DescribedPage> parse_described(base::ByteView body) {
  MIX_TRY(const json::Value value, parse_body(body));
  MIX_TRY(auto list, parse_list<std::optional<DescribedExit>>(&value, parse_described_node));
  DescribedPage out{.paging = list.first, .exits = {}};
  for (auto& exit : list.second) {
    if (exit) out.exits.push_back(*std::move(exit));
  }
  return out;
}

Result<RewardedSet> parse_rewarded_set(base::ByteView body) {
  MIX_TRY(const json::Value value, parse_body(body));
  RewardedSet out;
  MIX_TRY(out.entry_gateways, parse_ids(value, "entry_gateways"));
  MIX_TRY(out.exit_gateways, parse_ids(value, "exit_gateways"));
  constexpr std::string_view kLayerKeys[kNumLayers] = {"layer1", "layer2", "layer3"};
  for (std::size_t i = 0; i < kNumLayers; ++i) {
    MIX_TRY(out.layers[i], parse_ids(value, kLayerKeys[i]));
  }
  return out;
}

Result<KeyRotationInfo> parse_rotation_info(base::ByteView body) {
  MIX_TRY(const json::Value value, parse_body(body));
  KeyRotationInfo out;
  const json::Value* state = json::find(value, "key_rotation_state");
  if (state == nullptr) return Errc::directory_malformed;
  MIX_TRY(out.validity_epochs, integer_field<std::uint32_t>(*state, "validity_epochs"));
  MIX_TRY(out.initial_epoch_id, integer_field<std::uint32_t>(*state, "initial_epoch_id"));
  MIX_TRY(out.current_epoch_id, integer_field<std::uint32_t>(value, "current_absolute_epoch_id"));
  MIX_TRY(const auto start, text_field(value, "current_epoch_start"));
  MIX_TRY(out.current_epoch_start, parse_rfc3339(start));
  MIX_TRY(out.epoch_duration, parse_duration(json::find(value, "epoch_duration")));
  if (out.validity_epochs == 0 || out.epoch_duration <= base::Duration::zero()) {
    return Errc::directory_malformed;
  }
  return out;
}

}  // namespace mix::directory
