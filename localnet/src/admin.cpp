// Requests of the admin interface become calls of NetworkControl.
#include "mix/localnet/admin.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "mix/base/encoding.h"

namespace mix::localnet {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBase = "/admin";
constexpr double kMaxFaultMs = 60'000;
constexpr std::uint32_t kMaxAdvance = 1'000'000;
constexpr double kMaxSurbs = 4e9;  // more than anyone has; fits 32 bits

/// A request that cannot be carried out; becomes the answer.
struct Refused {
  int status;
  std::string message;
};

[[noreturn]] void refuse(int status, std::string message) {
  throw Refused{status, std::move(message)};
}

Json parse_body(const HttpRequest& request) {
  if (request.body.empty()) return Json::object();
  Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) refuse(400, "the body must be a JSON object");
  return body;
}

void check_fields(const Json& object, std::initializer_list<std::string_view> known,
                  std::string_view where) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string message = "unknown field \"" + name + "\" in " + std::string(where) + "; known:";
      for (const auto field : known) message += " " + std::string(field);
      refuse(400, std::move(message));
    }
  }
}

double number_field(const Json& object, const std::string& name, double low, double high,
                    std::optional<double> fallback) {
  if (!object.contains(name)) {
    if (fallback) return *fallback;
    refuse(400, "the field \"" + name + "\" is missing");
  }
  const Json& value = object[name];
  if (!value.is_number()) refuse(400, "the field \"" + name + "\" must be a number");
  const double number = value.get<double>();
  if (!(number >= low && number <= high)) {
    refuse(400, "the field \"" + name + "\" must be between " + Json(low).dump() + " and " +
                    Json(high).dump());
  }
  return number;
}

/// The one boolean of a switch; an empty body switches on.
bool switch_field(const Json& body, std::string_view name) {
  check_fields(body, {name}, "the body");
  const std::string key(name);
  if (!body.contains(key)) return true;
  if (!body[key].is_boolean()) refuse(400, "the field \"" + key + "\" must be true or false");
  return body[key].get<bool>();
}

base::Duration milliseconds(double ms) {
  return base::Duration{static_cast<std::int64_t>(std::llround(ms * 1e6))};
}

double to_ms(base::Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

FaultRates parse_faults(const Json& body) {
  check_fields(body, {"drop", "duplicate", "corrupt", "delay", "reorder"}, "the fault rates");
  FaultRates rates;
  rates.drop = number_field(body, "drop", 0, 1, 0);
  rates.duplicate = number_field(body, "duplicate", 0, 1, 0);
  rates.corrupt = number_field(body, "corrupt", 0, 1, 0);
  const auto timed = [&body](const std::string& name, double& rate, base::Duration& time) {
    if (!body.contains(name)) return;
    const Json& object = body[name];
    if (!object.is_object()) refuse(400, "\"" + name + "\" must be {\"rate\": r, \"ms\": t}");
    check_fields(object, {"rate", "ms"}, name);
    rate = number_field(object, "rate", 0, 1, std::nullopt);
    time = milliseconds(number_field(object, "ms", 0, kMaxFaultMs, std::nullopt));
  };
  timed("delay", rates.delayed, rates.delay);
  timed("reorder", rates.reorder, rates.reorder_window);
  return rates;
}

Json faults_json(const FaultRates& rates) {
  return {{"drop", rates.drop},
          {"duplicate", rates.duplicate},
          {"corrupt", rates.corrupt},
          {"delay", {{"rate", rates.delayed}, {"ms", to_ms(rates.delay)}}},
          {"reorder", {{"rate", rates.reorder}, {"ms", to_ms(rates.reorder_window)}}}};
}

// --- counters ---

Json gateway_json(const GatewayStats& stats) {
  return {{"links", stats.links},
          {"sessions", stats.sessions},
          {"clients", stats.clients},
          {"stored_messages", stats.stored_messages},
          {"registrations", stats.registrations},
          {"authentications", stats.authentications},
          {"refusals", stats.refusals},
          {"claims", stats.claims},
          {"packets_from_clients", stats.packets_from_clients},
          {"bytes_from_clients", stats.bytes_from_clients},
          {"pushed", stats.pushed},
          {"stored", stats.stored},
          {"undeliverable", stats.undeliverable},
          {"out_of_bandwidth", stats.out_of_bandwidth},
          {"malformed", stats.malformed}};
}

Json exit_json(const ExitStats& stats) {
  return {{"sessions", stats.router.sessions},
          {"ip_packets_from_clients", stats.router.from_clients},
          {"ip_packets_to_clients", stats.router.to_clients},
          {"denied", stats.router.denied},
          {"spoofed", stats.router.spoofed},
          {"malformed", stats.router.malformed},
          {"nat",
           {{"packets_out", stats.nat.packets_out},
            {"packets_in", stats.nat.packets_in},
            {"dropped", stats.nat.dropped},
            {"sockets", stats.nat.sockets},
            {"flows", stats.nat.flows}}},
          {"mixnet",
           {{"sent_real", stats.mixnet.sent_real},
            {"sent_cover", stats.mixnet.sent_cover},
            {"sent_loop", stats.mixnet.sent_loop},
            {"received", stats.mixnet.received},
            {"received_acks", stats.mixnet.received_acks},
            {"retransmitted", stats.mixnet.retransmitted},
            {"lost", stats.mixnet.lost},
            {"duplicates", stats.mixnet.duplicates},
            {"undecodable", stats.mixnet.undecodable},
            {"surbs_requested", stats.mixnet.surbs_requested},
            {"queued", stats.mixnet.queued},
            {"unacknowledged", stats.mixnet.unacknowledged},
            {"buffered_fragments", stats.mixnet.buffered_fragments}}}};
}

Json node_json(const NetworkControl& network, directory::NodeId id, const ClusterNode& entry) {
  const NodeStats stats = entry.node->stats();
  Json dropped = Json::object();
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    dropped[drop_reason_name(static_cast<DropReason>(i))] = stats.dropped.at(i);
  }
  Json node{{"id", id}, {"role", role_name(entry.role)}};
  if (entry.role == NodeRole::kMix) node["layer"] = entry.layer;
  node["identity"] = base::base58_encode(entry.identity.public_key.view());
  node["address"] = entry.address.to_string();
  node["alive"] = entry.node->alive();
  node["listed"] = entry.listed;
  node["performance"] = entry.performance;
  node["rotation"] = entry.node->keys().primary().rotation;
  node["received"] = stats.received;
  node["forwarded"] = stats.forwarded;
  node["delivered"] = stats.delivered;
  node["acks_released"] = stats.acks_released;
  node["from_exit"] = stats.from_exit;
  node["held"] = stats.held;
  node["replay_tags"] = stats.replay_tags;
  node["duplicated"] = stats.duplicated;
  node["corrupted"] = stats.corrupted;
  node["dropped"] = std::move(dropped);
  node["faults"] = faults_json(entry.node->faults());
  if (const GatewayCore* gateway = std::as_const(*entry.node).gateway()) {
    node["gateway"] = gateway_json(gateway->stats());
  }
  if (const auto exit = network.exit_stats(id)) node["exit"] = exit_json(*exit);
  return node;
}

Json stats_json(NetworkControl& network) {
  Cluster& cluster = network.cluster();
  Json nodes = Json::array();
  for (std::size_t i = 0; i < cluster.nodes().size(); ++i) {
    nodes.push_back(node_json(network, Cluster::id_of_index(i), cluster.nodes()[i]));
  }
  const Epoch& epoch = cluster.epoch();
  return {{"epoch", epoch.id},
          {"rotation", epoch.rotation()},
          {"epoch_seconds", to_ms(epoch.length) / 1000},
          {"rotation_epochs", epoch.rotation_epochs},
          {"nodes", std::move(nodes)}};
}

/// Thresholds of an exit's SURB store; what is left out takes the exit's default.
mixnet::ReplierConfig parse_replier(const Json& body) {
  check_fields(body, {"max_held", "reserve", "max_storage", "buffer", "min_request", "max_request"},
               "the SURB thresholds");
  mixnet::ReplierConfig replier = exit_replier();
  const auto set = [&body](const std::string& name, auto& value) {
    using Value = std::remove_reference_t<decltype(value)>;
    value = static_cast<Value>(number_field(body, name, 0, kMaxSurbs, static_cast<double>(value)));
  };
  set("max_held", replier.max_held_per_sender);
  set("reserve", replier.min_storage);
  set("max_storage", replier.max_storage);
  set("buffer", replier.threshold_buffer);
  set("min_request", replier.min_request);
  set("max_request", replier.max_request);
  return replier;
}

// --- actions on one node ---

/// By id or by base58 identity.
directory::NodeId find_node(Cluster& cluster, std::string_view name) {
  directory::NodeId id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error == std::errc{} && end == name.data() + name.size() && cluster.find(id) != nullptr) {
    return id;
  }
  for (std::size_t i = 0; i < cluster.nodes().size(); ++i) {
    if (base::base58_encode(cluster.nodes()[i].identity.public_key.view()) == name) {
      return Cluster::id_of_index(i);
    }
  }
  refuse(404, "no node \"" + std::string(name) + "\": give an id or an identity of /admin/stats");
}

GatewayCore& gateway_of(ClusterNode& entry) {
  GatewayCore* gateway = entry.node->gateway();
  if (gateway == nullptr) refuse(409, "the node is a mix, not a gateway");
  return *gateway;
}

void check_exit(const ClusterNode& entry) {
  if (entry.role != NodeRole::kExit) refuse(409, "the node is not an exit");
}

void act_on_node(NetworkControl& network, directory::NodeId id, std::string_view action,
                 const Json& body) {
  ClusterNode& entry = *network.cluster().find(id);
  const auto no_fields = [&body] { check_fields(body, {}, "the body"); };
  if (action == "faults") {
    entry.node->set_faults(parse_faults(body));
  } else if (action == "kill") {
    no_fields();
    network.kill(id);
  } else if (action == "restart") {
    no_fields();
    network.restart(id);
  } else if (action == "cut") {
    no_fields();
    gateway_of(entry);
    network.cut_links(id);
  } else if (action == "leave" || action == "join") {
    no_fields();
    network.set_listed(id, action == "join");
  } else if (action == "performance") {
    check_fields(body, {"percent"}, "the body");
    network.set_performance(
        id, static_cast<std::uint8_t>(number_field(body, "percent", 0, 100, std::nullopt)));
  } else if (action == "refuse-registrations") {
    gateway_of(entry).set_registrations(switch_field(body, "on") ? Registrations::kRefused
                                                                 : Registrations::kAccepted);
  } else if (action == "refuse-claims") {
    gateway_of(entry).set_claims(switch_field(body, "on") ? Claims::kRefused : Claims::kGranted);
  } else if (action == "bandwidth") {
    check_fields(body, {"bytes"}, "the body");
    gateway_of(entry).set_bandwidth(
        static_cast<std::int64_t>(number_field(body, "bytes", 0, 1e15, std::nullopt)));
  } else if (action == "forget-clients") {
    no_fields();
    gateway_of(entry).forget_clients();
  } else if (action == "freeze") {
    check_exit(entry);
    network.set_exit_activity(
        id, switch_field(body, "on") ? ExitActivity::kFrozen : ExitActivity::kRunning);
  } else if (action == "surbs") {
    check_exit(entry);
    network.set_exit_replier(id, parse_replier(body));
  } else if (action == "starve") {
    check_exit(entry);
    mixnet::ReplierConfig replier = exit_replier();
    if (switch_field(body, "on")) replier.max_held_per_sender = 0;
    network.set_exit_replier(id, replier);
  } else {
    refuse(404, "no action \"" + std::string(action) + "\"; see GET /admin");
  }
}

// --- the network ---

void check_directory(const NetworkControl& network) {
  if (network.directory_place() == DirectoryPlace::kElsewhere) {
    refuse(409, "the directory is another process; ask its admin interface");
  }
}

void set_directory_mode(NetworkControl& network, const Json& body) {
  check_fields(body, {"mode", "status"}, "the body");
  if (!body.contains("mode") || !body["mode"].is_string()) {
    refuse(400, "the field \"mode\" must be \"normal\", \"status\", \"garbage\" or \"hang\"");
  }
  const auto mode = body["mode"].get<std::string>();
  DirectoryMode next;
  if (mode == "status") {
    next.kind = DirectoryMode::Kind::kStatus;
    next.status = static_cast<int>(number_field(body, "status", 200, 599, 500));
  } else if (mode == "garbage") {
    next.kind = DirectoryMode::Kind::kGarbage;
  } else if (mode == "hang") {
    next.kind = DirectoryMode::Kind::kHang;
  } else if (mode != "normal") {
    refuse(400, "the field \"mode\" must be \"normal\", \"status\", \"garbage\" or \"hang\"");
  }
  network.set_directory_mode(next);
}

Json help_json() {
  return {{"GET /admin", "this list"},
          {"GET /admin/network", "addresses, as printed at the start"},
          {"GET /admin/stats", "counters of every node"},
          {"GET /admin/nodes/ID", "counters of one node; ID is a number or an identity"},
          {"POST /admin/faults",
           "{drop, duplicate, corrupt, delay: {rate, ms}, reorder: {rate, ms}} for every node; "
           "what is left out becomes 0"},
          {"POST /admin/nodes/ID/faults", "the same for one node"},
          {"POST /admin/nodes/ID/kill", "the node goes down"},
          {"POST /admin/nodes/ID/restart", "and comes back on the same ports"},
          {"POST /admin/nodes/ID/leave", "the directory lists it no more"},
          {"POST /admin/nodes/ID/join", "the directory lists it again"},
          {"POST /admin/nodes/ID/performance", "{percent}"},
          {"POST /admin/nodes/ID/cut", "a gateway drops every client's socket"},
          {"POST /admin/nodes/ID/refuse-registrations", "{on}"},
          {"POST /admin/nodes/ID/refuse-claims", "{on}"},
          {"POST /admin/nodes/ID/bandwidth", "{bytes}: the balance of every client"},
          {"POST /admin/nodes/ID/forget-clients", "a gateway forgets all registrations"},
          {"POST /admin/nodes/ID/freeze", "{on}: an exit takes everything in, answers nothing"},
          {"POST /admin/nodes/ID/starve", "{on}: an exit drops the reply SURBs that it receives"},
          {"POST /admin/nodes/ID/surbs",
           "{max_held, reserve, max_storage, buffer, min_request, max_request} of an exit; what is "
           "left out takes its default"},
          {"POST /admin/rotate", "the next key rotation begins now"},
          {"POST /admin/epochs", "{advance}: so many epochs end now"},
          {"POST /admin/directory",
           "{mode: normal | status | garbage | hang, status}: how the directory answers"}};
}

HttpAnswer get(NetworkControl& network, std::string_view path) {
  if (path.empty()) return json_answer(200, help_json().dump(2));
  if (path == "/network") return json_answer(200, network.description());
  if (path == "/stats") return json_answer(200, stats_json(network).dump());
  constexpr std::string_view kNodes = "/nodes/";
  if (path.starts_with(kNodes)) {
    const directory::NodeId id = find_node(network.cluster(), path.substr(kNodes.size()));
    return json_answer(200, node_json(network, id, *network.cluster().find(id)).dump());
  }
  refuse(404, "no such path; see GET /admin");
}

HttpAnswer post(NetworkControl& network, std::string_view path, const Json& body) {
  constexpr std::string_view kNodes = "/nodes/";
  if (path == "/faults") {
    const FaultRates rates = parse_faults(body);
    for (ClusterNode& entry : network.cluster().nodes()) entry.node->set_faults(rates);
  } else if (path == "/rotate") {
    check_directory(network);
    check_fields(body, {}, "the body");
    network.rotate_keys();
  } else if (path == "/epochs") {
    check_directory(network);
    check_fields(body, {"advance"}, "the body");
    network.advance_epochs(
        static_cast<std::uint32_t>(number_field(body, "advance", 1, kMaxAdvance, 1)));
  } else if (path == "/directory") {
    check_directory(network);
    set_directory_mode(network, body);
  } else if (path.starts_with(kNodes)) {
    const std::string_view rest = path.substr(kNodes.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) refuse(404, "an action is missing; see GET /admin");
    const directory::NodeId id = find_node(network.cluster(), rest.substr(0, slash));
    act_on_node(network, id, rest.substr(slash + 1), body);
  } else {
    refuse(404, "no such path; see GET /admin");
  }
  return json_answer(200, Json{{"ok", true}, {"epoch", network.cluster().epoch().id}}.dump());
}

}  // namespace

HttpAnswer answer_admin(NetworkControl& network, const HttpRequest& request) {
  std::string_view path = request.path();
  if (!path.starts_with(kBase)) return error_answer(404, "no such path");
  path.remove_prefix(kBase.size());
  while (path.ends_with('/')) path.remove_suffix(1);
  try {
    if (request.method == "GET") return get(network, path);
    if (request.method == "POST") return post(network, path, parse_body(request));
    return error_answer(405, "use GET or POST");
  } catch (const Refused& refused) {
    return error_answer(refused.status, refused.message);
  }
}

}  // namespace mix::localnet
