// Directory answers. spec: topology §2, §3.
#include "mix/localnet/directory_core.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <functional>
#include <nlohmann/json.hpp>

#include "mix/base/encoding.h"

namespace mix::localnet {
namespace {

// Members in the order of the specification's listings.
using Json = nlohmann::ordered_json;
using Filter = std::function<bool(const NodeRecord&)>;

constexpr std::uint32_t kEpochsInInterval = 720;         // spec: topology §3.1 listing
constexpr std::chrono::seconds kExpiresAfterEpoch{120};  // spec: topology §2
constexpr std::string_view kBase = "/api/";

std::tm utc(base::WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::seconds>(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

/// RFC 3339 with milliseconds: epochs may be shorter than a second.
std::string rfc3339(base::WallTime time) {
  const std::tm parts = utc(time);
  const auto millis = (time - std::chrono::floor<std::chrono::seconds>(time)).count();
  std::array<char, 64> text{};
  std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (millis != 0) {
    length += static_cast<std::size_t>(std::snprintf(text.data() + length, text.size() - length,
                                                     ".%03d", static_cast<int>(millis)));
  }
  return std::string(text.data(), length) + "Z";
}

/// RFC 9110 §5.6.7, always in English.
std::string http_date(base::WallTime time) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::tm parts = utc(time);
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   kDays.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                                   kMonths.at(static_cast<std::size_t>(parts.tm_mon)),
                                   parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

template <class Key>
std::string base58(const Key& key) {
  return base::base58_encode(key.view());
}

/// "1", "0.5", "0.07".
std::string performance_text(std::uint8_t percent) {
  if (percent >= 100) return "1";
  std::string text = std::to_string(percent);
  if (text.size() == 1) text.insert(0, 1, '0');
  text.insert(0, "0.");
  while (text.back() == '0') text.pop_back();
  return text.back() == '.' ? "0" : text;
}

Json duration_json(base::Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {{"secs", seconds.count()}, {"nanos", (duration - seconds).count()}};
}

bool is_gateway(const NodeRecord& node) { return node.role != NodeRole::kMix; }

Json supported_roles(const NodeRecord& node) {
  return {{"mixnode", node.role == NodeRole::kMix},
          {"entry", node.ws_port.has_value()},
          {"exit_nr", false},
          {"exit_ipr", node.role == NodeRole::kExit}};
}

Json role_json(const NodeRecord& node) {
  switch (node.role) {
    case NodeRole::kMix:
      return {{"Mixnode", {{"layer", node.layer}}}};
    case NodeRole::kEntry:
      return "EntryGateway";
    case NodeRole::kExit:
      return "ExitGateway";
  }
  return "Inactive";
}

Json skimmed_node(const NodeRecord& node, std::uint32_t rotation) {
  Json entry = nullptr;
  if (node.ws_port) {
    entry = Json{{"hostname", nullptr}, {"ws_port", *node.ws_port}, {"wss_port", nullptr}};
  }
  return {{"node_id", node.id},
          {"ed25519_identity_pubkey", base58(node.identity)},
          {"ip_addresses", Json::array({node.ip_address})},
          {"mix_port", node.mix_port},
          {"x25519_sphinx_pubkey", base58(key_for_rotation(node, rotation).key)},
          {"role", role_json(node)},
          {"supported_roles", supported_roles(node)},
          {"entry", std::move(entry)},
          {"performance", performance_text(node.performance)}};
}

Json metadata(const DirectoryState& state, bool no_updates) {
  const Epoch& epoch = state.epoch;
  Json status = "no-updates";
  if (!no_updates) {
    status = Json{{"fresh",
                   {{"id", epoch.id / kEpochsInInterval},
                    {"epochs_in_interval", kEpochsInInterval},
                    {"current_epoch_start", rfc3339(epoch.start)},
                    {"current_epoch_id", epoch.id % kEpochsInInterval},
                    {"epoch_length", duration_json(epoch.length)},
                    {"total_elapsed_epochs", epoch.id}}}};
  }
  return {{"status", std::move(status)},
          {"absolute_epoch_id", epoch.id},
          {"rotation_id", epoch.rotation()},
          {"refreshed_at", rfc3339(state.refreshed_at)}};
}

/// 0 when the parameter is absent or no number.
std::uint32_t number(std::string_view text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Everything is on page 0; later pages are empty. spec: topology §2
Json paged(const HttpRequest& request, Json data) {
  const std::uint32_t page = number(request.query("page"));
  const std::size_t total = data.size();
  if (page != 0) data = Json::array();
  const std::size_t size = data.size();
  return {{"pagination", {{"total", total}, {"page", page}, {"size", size}}},
          {"data", std::move(data)}};
}

/// Clients name the epoch as the lists tell it: by its place in the interval.
bool has_epoch(const DirectoryState& state, const HttpRequest& request) {
  const std::string_view epoch = request.query("epoch_id");
  return !epoch.empty() && number(epoch) == state.epoch.id % kEpochsInInterval;
}

using NodeWriter = Json (*)(const NodeRecord&, std::uint32_t rotation);
/// Of the lists. Version 1 knows no rotations; old clients still ask for it. spec: topology §2
enum class Shape : std::uint8_t { kV1, kV2 };

HttpAnswer nodes_answer(const DirectoryState& state, const HttpRequest& request,
                        const Filter& filter, NodeWriter write, Shape shape) {
  const bool no_updates = has_epoch(state, request);
  Json data = Json::array();
  for (const NodeRecord& node : state.nodes) {
    if (!no_updates && node.listed && filter(node)) {
      data.push_back(write(node, state.epoch.rotation()));
    }
  }
  Json about = metadata(state, no_updates);
  Json body;
  if (shape == Shape::kV1) {
    body["status"] = std::move(about["status"]);
    body["refreshed_at"] = std::move(about["refreshed_at"]);
  } else {
    body["metadata"] = std::move(about);
  }
  body["nodes"] = paged(request, std::move(data));
  return json_answer(200, body.dump());
}

HttpAnswer active_only(const DirectoryState& state, HttpAnswer answer) {
  answer.headers.emplace_back("Expires", http_date(state.epoch.end() + kExpiresAfterEpoch));
  return answer;
}

bool any_node(const NodeRecord&) { return true; }
bool mixing(const NodeRecord& node) { return node.role == NodeRole::kMix; }
// Every node that can serve as entry, exits that do so included. spec: topology §5
bool entering(const NodeRecord& node) { return is_gateway(node) && node.ws_port.has_value(); }
bool exiting(const NodeRecord& node) { return node.role == NodeRole::kExit; }

template <Shape shape, bool (*filter)(const NodeRecord&)>
HttpAnswer skimmed(const DirectoryState& state, const HttpRequest& request) {
  return nodes_answer(state, request, filter, skimmed_node, shape);
}

/// Every node of the directory has a role in every epoch, so this list differs by a header only.
template <Shape shape, bool (*filter)(const NodeRecord&)>
HttpAnswer skimmed_active(const DirectoryState& state, const HttpRequest& request) {
  return active_only(state, skimmed<shape, filter>(state, request));
}

/// A role asks for the same list as the path of that role.
template <Shape shape>
HttpAnswer skimmed_by_role(const DirectoryState& state, const HttpRequest& request) {
  const std::string_view role = request.query("role");
  if (role == "active-mixnode") return skimmed<shape, mixing>(state, request);
  if (role == "entry-gateway" || role == "entry" || role == "gateway") {
    return skimmed<shape, entering>(state, request);
  }
  if (role == "exit-gateway" || role == "exit") return skimmed<shape, exiting>(state, request);
  return skimmed<shape, any_node>(state, request);
}

Json semi_skimmed_node(const NodeRecord& node, std::uint32_t rotation) {
  return {{"basic", skimmed_node(node, rotation)}, {"x25519_noise_versioned_key", nullptr}};
}

template <Shape shape>
HttpAnswer semi_skimmed(const DirectoryState& state, const HttpRequest& request) {
  return nodes_answer(state, request, any_node, semi_skimmed_node, shape);
}

HttpAnswer rewarded_set(const DirectoryState& state) {
  Json set{{"epoch_id", state.epoch.id},     {"entry_gateways", Json::array()},
           {"exit_gateways", Json::array()}, {"layer1", Json::array()},
           {"layer2", Json::array()},        {"layer3", Json::array()},
           {"standby", Json::array()}};
  for (const NodeRecord& node : state.nodes) {
    if (!node.listed) continue;
    switch (node.role) {
      case NodeRole::kMix:
        set["layer" + std::to_string(node.layer)].push_back(node.id);
        break;
      case NodeRole::kEntry:
        set["entry_gateways"].push_back(node.id);
        break;
      case NodeRole::kExit:
        set["exit_gateways"].push_back(node.id);
        break;
    }
  }
  return json_answer(200, set.dump());
}

HttpAnswer rotation_info(const DirectoryState& state) {
  const Epoch& epoch = state.epoch;
  return json_answer(
      200,
      Json{
          {"key_rotation_state",
           {{"validity_epochs", epoch.rotation_epochs}, {"initial_epoch_id", 0}}},
          {"current_absolute_epoch_id", epoch.id},
          {"current_epoch_start", rfc3339(epoch.start)},
          {"epoch_duration", duration_json(epoch.length)},
          {"progress",
           {{"current_key_rotation_id", epoch.rotation()},
            {"current_rotation_starting_epoch", epoch.rotation_start()},
            {"current_rotation_ending_epoch", epoch.rotation_start() + epoch.rotation_epochs - 1}}}}
          .dump());
}

Json announced_key(const AnnouncedKey& key) {
  return {{"rotation_id", key.rotation}, {"public_key", base58(key.key)}};
}

Json described_node(const NodeRecord& node, const DirectoryState& state, bool with_lewes) {
  Json pre_announced = nullptr;
  if (node.pre_announced) pre_announced = announced_key(*node.pre_announced);
  Json router = nullptr;
  if (!node.ipr_address.empty()) router = Json{{"address", node.ipr_address}};
  Json description{
      {"last_polled", rfc3339(state.refreshed_at)},
      {"host_information",
       {{"ip_address", Json::array({node.ip_address})},
        {"hostname", nullptr},
        {"keys",
         {{"ed25519", base58(node.identity)},
          // The same key by its older name.
          {"x25519", base58(node.current.key)},
          {"current_x25519_sphinx_key", announced_key(node.current)},
          {"pre_announced_x25519_sphinx_key", std::move(pre_announced)},
          // None: real nodes then speak plain TCP, as ours do. spec: gateway §10.5
          {"x25519_versioned_noise", nullptr}}}}},
      {"declared_role", supported_roles(node)},
      {"auxiliary_details",
       {{"location", nullptr},
        {"announce_ports", {{"verloc_port", nullptr}, {"mix_port", node.mix_port}}},
        {"accepted_operator_terms_and_conditions", true}}},
      {"build_information",
       {{"binary_name", "nym-node"},
        {"build_timestamp", "2026-01-01T00:00:00.000000000Z"},
        {"build_version", node.build_version},
        {"commit_sha", "0000000000000000000000000000000000000000"},
        {"commit_timestamp", "2026-01-01T00:00:00.000000000Z"},
        {"commit_branch", "localnet"},
        {"rustc_version", "none"},
        {"rustc_channel", "none"},
        {"cargo_profile", "release"},
        {"cargo_triple", "none"}}},
      {"network_requester", nullptr},
      {"ip_packet_router", std::move(router)},
      {"authenticator", nullptr},
      {"wireguard", nullptr},
      {"mixnet_websockets", {{"ws_port", node.ws_port.value_or(0)}, {"wss_port", nullptr}}}};
  if (with_lewes) description["lewes_protocol"] = nullptr;
  return {{"node_id", node.id},
          {"contract_node_type", "nym_node"},
          {"description", std::move(description)}};
}

HttpAnswer described(const DirectoryState& state, const HttpRequest& request, bool with_lewes) {
  Json data = Json::array();
  for (const NodeRecord& node : state.nodes) {
    if (node.listed) data.push_back(described_node(node, state, with_lewes));
  }
  return json_answer(200, paged(request, std::move(data)).dump());
}

HttpAnswer by_addresses(const DirectoryState& state, const HttpRequest& request) {
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("addresses") || !body["addresses"].is_array()) {
    return error_answer(400, "expected {\"addresses\": [\"ip\", ...]}");
  }
  Json existence = Json::object();
  for (const Json& address : body["addresses"]) {
    if (!address.is_string()) return error_answer(400, "an address is not a string");
    const auto text = address.get<std::string>();
    existence[text] = nullptr;
    for (const NodeRecord& node : state.nodes) {
      if (node.listed && node.ip_address == text) {
        existence[text] = node.id;
        break;
      }
    }
  }
  return json_answer(200, Json{{"existence", std::move(existence)}}.dump());
}

struct Route {
  std::string_view method;
  std::string_view path;
  HttpAnswer (*answer)(const DirectoryState&, const HttpRequest&);
};

constexpr std::array kRoutes{
    Route{"GET", "v2/unstable/nym-nodes/skimmed", skimmed_by_role<Shape::kV2>},
    Route{"GET", "v2/unstable/nym-nodes/skimmed/mixnodes/active",
          skimmed_active<Shape::kV2, mixing>},
    Route{"GET", "v2/unstable/nym-nodes/skimmed/mixnodes/all", skimmed<Shape::kV2, mixing>},
    Route{"GET", "v2/unstable/nym-nodes/skimmed/entry-gateways", skimmed<Shape::kV2, entering>},
    Route{"GET", "v2/unstable/nym-nodes/skimmed/exit-gateways", skimmed<Shape::kV2, exiting>},
    Route{"GET", "v2/unstable/nym-nodes/semi-skimmed", semi_skimmed<Shape::kV2>},
    Route{"GET", "v1/unstable/nym-nodes/skimmed", skimmed_by_role<Shape::kV1>},
    Route{"GET", "v1/unstable/nym-nodes/skimmed/active", skimmed_active<Shape::kV1, any_node>},
    Route{"GET", "v1/unstable/nym-nodes/skimmed/mixnodes/active",
          skimmed_active<Shape::kV1, mixing>},
    Route{"GET", "v1/unstable/nym-nodes/skimmed/mixnodes/all", skimmed<Shape::kV1, mixing>},
    Route{"GET", "v1/unstable/nym-nodes/skimmed/entry-gateways/active",
          skimmed_active<Shape::kV1, entering>},
    Route{"GET", "v1/unstable/nym-nodes/skimmed/entry-gateways/all", skimmed<Shape::kV1, entering>},
    Route{"GET", "v1/unstable/nym-nodes/skimmed/exit-gateways/active",
          skimmed_active<Shape::kV1, exiting>},
    Route{"GET", "v1/unstable/nym-nodes/skimmed/exit-gateways/all", skimmed<Shape::kV1, exiting>},
    Route{"GET", "v1/unstable/nym-nodes/semi-skimmed", semi_skimmed<Shape::kV1>},
    Route{"GET", "v2/nym-nodes/described",
          [](const DirectoryState& s, const HttpRequest& r) { return described(s, r, true); }},
    Route{"GET", "v1/nym-nodes/described",
          [](const DirectoryState& s, const HttpRequest& r) { return described(s, r, false); }},
    Route{"GET", "v1/nym-nodes/rewarded-set",
          [](const DirectoryState& s, const HttpRequest&) { return rewarded_set(s); }},
    Route{"GET", "v1/epoch/key-rotation-info",
          [](const DirectoryState& s, const HttpRequest&) { return rotation_info(s); }},
    Route{"POST", "v1/unstable/nym-nodes/by-addresses", by_addresses},
    Route{"POST", "v1/nym-nodes/refresh-described",
          [](const DirectoryState&, const HttpRequest&) { return json_answer(200, "null"); }},
};

directory::Node client_node(const NodeRecord& record, std::uint32_t rotation) {
  directory::Node node;
  node.id = record.id;
  node.identity = record.identity;
  node.sphinx_key = key_for_rotation(record, rotation).key;
  node.ip_addresses = {record.ip_address};
  node.mix_port = record.mix_port;
  node.roles = {.mixnode = record.role == NodeRole::kMix,
                .entry = record.ws_port.has_value(),
                .exit_nr = false,
                .exit_ipr = record.role == NodeRole::kExit};
  node.performance = record.performance;
  return node;
}

}  // namespace

const char* role_name(NodeRole role) {
  switch (role) {
    case NodeRole::kMix:
      return "mix";
    case NodeRole::kEntry:
      return "entry";
    case NodeRole::kExit:
      return "exit";
  }
  return "unknown";
}

const AnnouncedKey& key_for_rotation(const NodeRecord& node, std::uint32_t rotation) {
  if (node.current.rotation != rotation && node.pre_announced &&
      node.pre_announced->rotation == rotation) {
    return *node.pre_announced;
  }
  return node.current;
}

HttpAnswer answer_directory(const DirectoryState& state, const HttpRequest& request) {
  std::string_view path = request.path();
  if (!path.starts_with(kBase)) return error_answer(404, "no such path");
  path.remove_prefix(kBase.size());
  while (path.starts_with('/')) path.remove_prefix(1);  // a base URL with a trailing slash
  while (path.ends_with('/')) path.remove_suffix(1);
  bool known = false;
  for (const Route& route : kRoutes) {
    if (route.path != path) continue;
    if (route.method == request.method) return route.answer(state, request);
    known = true;
  }
  return known ? error_answer(405, "method not allowed") : error_answer(404, "no such path");
}

base::Result<directory::Topology> build_topology(const DirectoryState& state) {
  directory::RewardedSet rewarded;
  std::vector<directory::Node> mixnodes;
  std::vector<directory::Node> gateways;
  for (const NodeRecord& record : state.nodes) {
    if (!record.listed) continue;
    directory::Node node = client_node(record, state.epoch.rotation());
    switch (record.role) {
      case NodeRole::kMix:
        rewarded.layers.at(record.layer - 1U).push_back(record.id);
        mixnodes.push_back(std::move(node));
        break;
      case NodeRole::kEntry:
        rewarded.entry_gateways.push_back(record.id);
        gateways.push_back(std::move(node));
        break;
      case NodeRole::kExit:
        rewarded.exit_gateways.push_back(record.id);
        gateways.push_back(std::move(node));
        break;
    }
  }
  return directory::Topology::build({state.epoch.id, state.epoch.rotation()}, rewarded,
                                    std::move(mixnodes), std::move(gateways));
}

}  // namespace mix::localnet
