// JSON of the announcements, and who is there.
#include "mix/localnet/announcement.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "mix/base/encoding.h"
#include "mix/mixnet/address.h"
#include "mix/sphinx/address.h"

namespace mix::localnet {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint8_t kLayers = 3;
constexpr std::size_t kMaxVersionSize = 64;
constexpr std::uint32_t kMaxRotationEpochs = 1'000'000;

template <class Key>
std::string base58(const Key& key) {
  return base::base58_encode(key.view());
}

[[noreturn]] void bad(const std::string& field) {
  throw std::invalid_argument("announcement: the field \"" + field + "\" is missing or wrong");
}

const Json& member(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) bad(name);
  return object[name];
}

template <class Number>
Number number(const Json& object, const char* name,
              Number largest = std::numeric_limits<Number>::max()) {
  const Json& value = member(object, name);
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::uint64_t{largest}) bad(name);
  return static_cast<Number>(value.get<std::uint64_t>());
}

std::string text(const Json& object, const char* name) {
  const Json& value = member(object, name);
  if (!value.is_string()) bad(name);
  return value.get<std::string>();
}

Json key_json(const AnnouncedKey& key) {
  return {{"rotation", key.rotation}, {"key", base58(key.key)}};
}

AnnouncedKey parse_key(const Json& object) {
  const auto key = crypto::parse_x25519(text(object, "key"));
  if (!key.has_value()) bad("key");
  return {number<std::uint32_t>(object, "rotation"), *key};
}

Json record_json(const NodeRecord& node) {
  Json json{{"id", node.id},
            {"role", role_name(node.role)},
            {"layer", node.layer},
            {"identity", base58(node.identity)},
            {"host_key", base58(node.noise_key)},
            {"current", key_json(node.current)},
            {"ip", node.ip_address},
            {"mix_port", node.mix_port},
            {"ipr", node.ipr_address},
            {"version", node.build_version},
            {"performance", node.performance},
            {"listed", node.listed}};
  if (node.pre_announced) json["next"] = key_json(*node.pre_announced);
  if (node.ws_port) json["ws_port"] = *node.ws_port;
  return json;
}

NodeRole parse_role(const Json& object) {
  const std::string name = text(object, "role");
  for (const NodeRole role : {NodeRole::kMix, NodeRole::kEntry, NodeRole::kExit}) {
    if (name == role_name(role)) return role;
  }
  bad("role");
}

NodeRecord parse_record(const Json& object) {
  NodeRecord node;
  node.id = number<directory::NodeId>(object, "id");
  node.role = parse_role(object);
  node.layer = number<std::uint8_t>(object, "layer", kLayers);
  if ((node.role == NodeRole::kMix) != (node.layer != 0)) bad("layer");
  const auto identity = crypto::parse_ed25519(text(object, "identity"));
  if (!identity.has_value()) bad("identity");
  node.identity = *identity;
  const auto host_key = crypto::parse_x25519(text(object, "host_key"));
  if (!host_key.has_value()) bad("host_key");
  node.noise_key = *host_key;
  node.current = parse_key(member(object, "current"));
  if (object.contains("next")) node.pre_announced = parse_key(object["next"]);
  node.ip_address = text(object, "ip");
  node.mix_port = number<std::uint16_t>(object, "mix_port");
  if (!sphinx::NodeAddress::parse(node.ip_address, node.mix_port).has_value()) bad("ip");
  if (object.contains("ws_port")) node.ws_port = number<std::uint16_t>(object, "ws_port");
  node.ipr_address = text(object, "ipr");
  const bool has_router = mixnet::Recipient::parse(node.ipr_address).has_value();
  if ((node.role == NodeRole::kExit) != has_router) bad("ipr");
  node.build_version = text(object, "version");
  if (node.build_version.size() > kMaxVersionSize) bad("version");
  node.performance = number<std::uint8_t>(object, "performance", 100);
  const Json& listed = member(object, "listed");
  if (!listed.is_boolean()) bad("listed");
  node.listed = listed.get<bool>();
  return node;
}

Json parse_json(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw std::invalid_argument("announcement: not a JSON object");
  return json;
}

Json epoch_json(const Epoch& epoch) {
  return {
      {"id", epoch.id},
      {"rotation_epochs", epoch.rotation_epochs},
      {"start_ms", epoch.start.time_since_epoch().count()},
      {"length_ms", std::chrono::duration_cast<std::chrono::milliseconds>(epoch.length).count()}};
}

Epoch parse_epoch(const Json& object) {
  constexpr std::uint64_t kMaxMs = std::uint64_t{1} << 50;  // well inside a Duration
  Epoch epoch;
  epoch.id = number<std::uint32_t>(object, "id");
  epoch.rotation_epochs = number<std::uint32_t>(object, "rotation_epochs", kMaxRotationEpochs);
  if (epoch.rotation_epochs == 0) bad("rotation_epochs");
  epoch.start =
      base::WallTime(std::chrono::milliseconds(number<std::uint64_t>(object, "start_ms", kMaxMs)));
  constexpr std::uint64_t kMaxLengthMs = std::uint64_t{1} << 40;
  epoch.length =
      std::chrono::milliseconds(number<std::uint64_t>(object, "length_ms", kMaxLengthMs));
  if (epoch.length == base::Duration::zero()) bad("length_ms");
  return epoch;
}

}  // namespace

std::string encode_announcement(const Announcement& announcement) {
  return Json{{"node", record_json(announcement.node)}, {"seen_serial", announcement.seen_serial}}
      .dump();
}

Announcement parse_announcement(std::string_view text) {
  const Json json = parse_json(text);
  return {parse_record(member(json, "node")), number<std::uint32_t>(json, "seen_serial")};
}

std::string encode_view(const NetworkView& view) {
  Json nodes = Json::array();
  for (const NodeRecord& node : view.state.nodes) nodes.push_back(record_json(node));
  return Json{{"serial", view.serial},
              {"epoch", epoch_json(view.state.epoch)},
              {"refreshed_ms", view.state.refreshed_at.time_since_epoch().count()},
              {"nodes", std::move(nodes)}}
      .dump();
}

NetworkView parse_view(std::string_view text) {
  const Json json = parse_json(text);
  NetworkView view;
  view.serial = number<std::uint32_t>(json, "serial");
  view.state.epoch = parse_epoch(member(json, "epoch"));
  view.state.refreshed_at = base::WallTime(std::chrono::milliseconds(
      number<std::uint64_t>(json, "refreshed_ms", std::uint64_t{1} << 50)));
  const Json& nodes = member(json, "nodes");
  if (!nodes.is_array() || nodes.size() > kMaxNodes) bad("nodes");
  for (const Json& node : nodes) view.state.nodes.push_back(parse_record(node));
  return view;
}

NodeRegistry::Change NodeRegistry::announce(const Announcement& announcement, base::TimePoint now) {
  NodeRecord node = announcement.node;
  const auto same_identity = [&node](const Entry& entry) {
    return entry.node.identity == node.identity;
  };
  const auto replaced = std::erase_if(entries_, [&](const Entry& entry) {
    return !same_identity(entry) && entry.node.ip_address == node.ip_address &&
           entry.node.mix_port == node.mix_port;
  });
  const auto found = std::find_if(entries_.begin(), entries_.end(), same_identity);
  if (found == entries_.end()) {
    if (entries_.size() >= kMaxNodes)
      throw std::invalid_argument("announcement: at most 200 nodes");
    node.id = next_id_++;
    entries_.push_back({std::move(node), announcement.seen_serial, now});
    ++serial_;
    return Change::kNodes;
  }
  node.id = found->node.id;
  found->heard_at = now;
  found->seen_serial = announcement.seen_serial;
  if (found->node == node && replaced == 0) return Change::kNone;
  found->node = std::move(node);
  ++serial_;
  return Change::kNodes;
}

NodeRegistry::Change NodeRegistry::expire(base::TimePoint now) {
  const auto gone = std::erase_if(entries_, [now](const Entry& entry) {
    return now - entry.heard_at >= kAnnouncementLifetime;
  });
  if (gone == 0) return Change::kNone;
  ++serial_;
  return Change::kNodes;
}

std::vector<NodeRecord> NodeRegistry::nodes() const {
  std::vector<NodeRecord> nodes;
  nodes.reserve(entries_.size());
  for (const Entry& entry : entries_) nodes.push_back(entry.node);
  return nodes;
}

std::size_t NodeRegistry::behind() const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [this](const Entry& entry) { return entry.seen_serial != serial_; }));
}

}  // namespace mix::localnet
