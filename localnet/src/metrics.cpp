// Counters become metric families: one list says name, help, and where the number is found.
#include "mix/localnet/metrics.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mix/base/encoding.h"

namespace mix::localnet {
namespace {

constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

/// Everything about one node at the moment of the question.
struct Sample {
  std::string labels;  // without braces
  const ClusterNode* node;
  NodeStats stats;
  std::optional<GatewayStats> gateway;
  std::optional<ExitStats> exit;
};

enum class Kind : std::uint8_t { kCounter, kGauge };

/// Nothing: the node has no such number.
using Value = std::optional<std::uint64_t>;

struct Metric {
  const char* name;
  Kind kind;
  const char* help;
  Value (*value)(const Sample&);
};

template <auto Member>
Value node_number(const Sample& sample) {
  return sample.stats.*Member;
}
template <auto Member>
Value gateway_number(const Sample& sample) {
  if (!sample.gateway) return std::nullopt;
  return static_cast<std::uint64_t>((*sample.gateway).*Member);
}
template <auto Part, auto Member>
Value exit_number(const Sample& sample) {
  if (!sample.exit) return std::nullopt;
  return static_cast<std::uint64_t>(((*sample.exit).*Part).*Member);
}

constexpr std::array kMetrics{
    Metric{"mix_node_up", Kind::kGauge, "1 while the node runs, 0 when it was killed",
           [](const Sample& sample) { return Value(sample.node->node->alive() ? 1 : 0); }},
    Metric{"mix_node_listed", Kind::kGauge, "1 while the directory lists the node",
           [](const Sample& sample) { return Value(sample.node->listed ? 1 : 0); }},
    Metric{"mix_packets_received_total", Kind::kCounter, "Packets from other nodes",
           node_number<&NodeStats::received>},
    Metric{"mix_packets_forwarded_total", Kind::kCounter, "Packets to other nodes, acks included",
           node_number<&NodeStats::forwarded>},
    Metric{"mix_packets_delivered_total", Kind::kCounter, "Bodies and acks at their last hop",
           node_number<&NodeStats::delivered>},
    Metric{"mix_acks_released_total", Kind::kCounter, "Acks sent on at the last hop",
           node_number<&NodeStats::acks_released>},
    Metric{"mix_packets_held", Kind::kGauge, "Packets that wait for their delay",
           node_number<&NodeStats::held>},
    Metric{"mix_client_links", Kind::kGauge, "Open WebSockets of clients",
           gateway_number<&GatewayStats::links>},
    Metric{"mix_client_sessions", Kind::kGauge, "Authenticated clients",
           gateway_number<&GatewayStats::sessions>},
    Metric{"mix_client_registrations_total", Kind::kCounter, "New clients",
           gateway_number<&GatewayStats::registrations>},
    Metric{"mix_client_packets_total", Kind::kCounter, "Packets from clients",
           gateway_number<&GatewayStats::packets_from_clients>},
    Metric{"mix_client_bytes_total", Kind::kCounter, "Bytes of packets from clients",
           gateway_number<&GatewayStats::bytes_from_clients>},
    Metric{"mix_client_pushed_total", Kind::kCounter, "Bodies and acks pushed to clients",
           gateway_number<&GatewayStats::pushed>},
    Metric{"mix_exit_sessions", Kind::kGauge, "Clients with an IP address",
           exit_number<&ExitStats::router, &IpRouterStats::sessions>},
    Metric{"mix_exit_ip_packets_from_clients_total", Kind::kCounter, "IP packets from clients",
           exit_number<&ExitStats::router, &IpRouterStats::from_clients>},
    Metric{"mix_exit_ip_packets_to_clients_total", Kind::kCounter, "IP packets to clients",
           exit_number<&ExitStats::router, &IpRouterStats::to_clients>},
    Metric{"mix_exit_denied_total", Kind::kCounter, "IP packets that the exit policy refused",
           exit_number<&ExitStats::router, &IpRouterStats::denied>},
    Metric{"mix_exit_flows", Kind::kGauge, "TCP and UDP flows to the internet",
           exit_number<&ExitStats::nat, &NatStats::flows>},
    Metric{"mix_exit_retransmitted_total", Kind::kCounter, "Fragments that the exit sent again",
           exit_number<&ExitStats::mixnet, &mixnet::ClientStats::retransmitted>},
};

/// Only characters that need no escape: base58, names, digits.
std::string labels_of(directory::NodeId id, const ClusterNode& node) {
  std::string labels = "node=\"" + std::to_string(id) + "\",role=\"" + role_name(node.role) + '"';
  if (node.role == NodeRole::kMix) labels += ",layer=\"" + std::to_string(node.layer) + '"';
  return labels + ",identity=\"" + base::base58_encode(node.identity.public_key.view()) + '"';
}

std::vector<Sample> take_samples(NetworkControl& network) {
  std::vector<Sample> samples;
  const Cluster& cluster = network.cluster();
  samples.reserve(cluster.nodes().size());
  for (std::size_t i = 0; i < cluster.nodes().size(); ++i) {
    const ClusterNode& node = cluster.nodes()[i];
    const directory::NodeId id = Cluster::id_of_index(i);
    const GatewayCore* gateway = std::as_const(*node.node).gateway();
    samples.push_back({labels_of(id, node), &node, node.node->stats(),
                       gateway == nullptr ? std::nullopt : std::optional(gateway->stats()),
                       network.exit_stats(id)});
  }
  return samples;
}

void add_head(std::string& text, const char* name, Kind kind, const char* help) {
  text += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name +
          (kind == Kind::kCounter ? " counter\n" : " gauge\n");
}

void add_line(std::string& text, const std::string& name, const std::string& labels,
              std::uint64_t value) {
  text += name;
  if (!labels.empty()) text += "{" + labels + "}";
  text += " " + std::to_string(value) + "\n";
}

void add_drops(std::string& text, const std::vector<Sample>& samples) {
  constexpr const char* kName = "mix_packets_dropped_total";
  add_head(text, kName, Kind::kCounter, "Packets that went no further, by reason");
  for (const Sample& sample : samples) {
    for (std::size_t i = 0; i < kDropReasons; ++i) {
      const std::string reason = drop_reason_name(static_cast<DropReason>(i));
      add_line(text, kName, sample.labels + ",reason=\"" + reason + '"',
               sample.stats.dropped.at(i));
    }
  }
}

}  // namespace

HttpAnswer answer_metrics(NetworkControl& network) {
  std::string text;
  add_head(text, "mix_epoch", Kind::kGauge, "Number of the current epoch");
  add_line(text, "mix_epoch", "", network.cluster().epoch().id);
  add_head(text, "mix_key_rotation", Kind::kGauge, "Number of the current key rotation");
  add_line(text, "mix_key_rotation", "", network.cluster().epoch().rotation());
  const std::vector<Sample> samples = take_samples(network);
  for (const Metric& metric : kMetrics) {
    add_head(text, metric.name, metric.kind, metric.help);
    for (const Sample& sample : samples) {
      if (const Value value = metric.value(sample)) {
        add_line(text, metric.name, sample.labels, *value);
      }
    }
  }
  add_drops(text, samples);
  return {200, std::string(kContentType), std::move(text), {}};
}

}  // namespace mix::localnet
