// A small mixnet on virtual time: three layers of mixes and some gateways with real keys, which
// unwrap real Sphinx packets, hold them for their delays and lose, duplicate or delay some on
// demand. Reusable by every test that links mix::mixnet and a seeded random source.
//
// A fault hits a packet on one link between two nodes; the gateways' links to their clients are
// the test's own business (see `deliver_twice`).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mix/base/time.h"
#include "mix/directory/topology.h"
#include "mix/mixnet/mix_packet.h"
#include "mix/sphinx/surb_ack.h"
#include "support/seeded_rng.h"

namespace mix::test {

/// What may go wrong on a link.
struct Faults {
  double loss = 0;           // share of packets
  double duplication = 0;    // share that is sent twice
  base::Duration jitter{};   // mean of an extra exponential delay: reorders
  double deliver_twice = 0;  // share of deliveries to clients that come twice
};

class FakeMixnet {
 public:
  struct Config {
    std::size_t mixes_per_layer = 2;
    std::size_t gateways = 3;
    base::Duration link_delay = std::chrono::milliseconds{1};
    std::uint32_t epoch_id = 100;
    std::uint32_t rotation_id = 5;
    /// Frames between nodes name the key rotation; by default, as in the network, they do not.
    bool frames_carry_rotation = false;
  };
  struct Stats {
    std::uint64_t submitted = 0, delivered = 0, acks_forwarded = 0;
    std::uint64_t lost = 0, replayed = 0, rejected = 0, undeliverable = 0;
    std::uint64_t wrong_rotation = 0;  // headers for a key that is gone
  };
  struct Delivery {
    crypto::Ed25519PublicKey client;
    base::Bytes bytes;
  };

  FakeMixnet(const Config& config, std::uint64_t seed) : config_(config), rng_(seed) {
    epoch_ = {config.epoch_id, config.rotation_id};
    for (std::size_t layer = 0; layer < kLayers; ++layer) {
      for (std::size_t i = 0; i < config.mixes_per_layer; ++i) add_mix(layer);
    }
    for (std::size_t i = 0; i < config.gateways; ++i) add_node();
    gateways_.assign(nodes_.end() - static_cast<std::ptrdiff_t>(config.gateways), nodes_.end());
    rebuild();
  }

  Faults faults;

  /// The directory's view of this moment.
  [[nodiscard]] std::shared_ptr<const directory::Topology> topology() const { return topology_; }
  [[nodiscard]] const crypto::Ed25519PublicKey& gateway(std::size_t index) const {
    return gateways_.at(index)->identity;
  }
  [[nodiscard]] const Stats& stats() const { return stats_; }
  [[nodiscard]] std::uint32_t rotation_id() const { return epoch_.rotation_id; }

  /// A client hands a packet to its gateway, which relays it as it is.
  void submit(const mixnet::MixPacket& packet, base::TimePoint now) {
    ++stats_.submitted;
    forward(packet.first_hop, packet.packet, packet.rotation, now);
  }

  [[nodiscard]] base::Deadline next_deadline() const {
    if (events_.empty()) return std::nullopt;
    return events_.top().at;
  }
  void expire(base::TimePoint now) {
    while (!events_.empty() && events_.top().at <= now) {
      Event event = events_.top();
      events_.pop();
      event.held ? send(event.to, std::move(event.packet), event.rotation, event.at)
                 : process(event.to, event.packet, event.rotation, event.at);
    }
  }
  /// What a gateway pushes to a client.
  [[nodiscard]] std::optional<Delivery> poll_delivery() {
    if (deliveries_.empty()) return std::nullopt;
    Delivery delivery = std::move(deliveries_.front());
    deliveries_.pop_front();
    return delivery;
  }

  /// The next epoch of the same rotation; keys of the previous rotation are erased.
  void next_epoch() {
    ++epoch_.absolute_epoch_id;
    for (auto& node : nodes_) node->previous.reset();
    rebuild();
  }
  /// The next epoch is the first of a new rotation: every node has a new key and keeps the old one.
  void next_rotation() {
    ++epoch_.absolute_epoch_id;
    ++epoch_.rotation_id;
    for (auto& node : nodes_) {
      node->previous = std::move(node->current);
      node->current = new_key();
    }
    rebuild();
  }
  /// A mix leaves and another joins its layer; packets for the old one are lost.
  void replace_mix(std::size_t layer) {
    const Node* old = layers_.at(layer).front().get();
    std::erase_if(nodes_, [old](const auto& node) { return node.get() == old; });
    layers_.at(layer).erase(layers_.at(layer).begin());
    add_mix(layer);
    rebuild();
  }

 private:
  static constexpr std::size_t kLayers = 3;

  struct Key {
    std::uint32_t rotation_id;
    crypto::X25519KeyPair pair;
    std::set<sphinx::ReplayTag> seen;
  };
  struct Node {
    directory::NodeId id = 0;
    crypto::Ed25519PublicKey identity;
    std::string ip;
    std::unique_ptr<Key> current;
    std::unique_ptr<Key> previous;
  };
  struct Event {
    base::TimePoint at;
    std::uint64_t order;
    std::string to;  // address
    base::Bytes packet;
    sphinx::KeyRotation rotation;
    bool held;  // waits at a mix for its delay; otherwise it arrives

    friend bool operator<(const Event& a, const Event& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;  // earliest on top
    }
  };
  static constexpr std::uint16_t kPort = 1789;

  std::unique_ptr<Key> new_key() {
    auto key = std::make_unique<Key>();
    key->rotation_id = epoch_.rotation_id;
    key->pair = crypto::X25519KeyPair::generate(rng_);
    return key;
  }

  std::shared_ptr<Node> add_node() {
    auto node = std::make_shared<Node>();
    node->id = ++last_id_;
    node->identity = crypto::Ed25519KeyPair::generate(rng_).public_key;
    node->ip = "10.0." + std::to_string(node->id / 256) + "." + std::to_string(node->id % 256);
    node->current = new_key();
    nodes_.push_back(node);
    by_address_[node->ip + ":" + std::to_string(kPort)] = node;
    return node;
  }
  void add_mix(std::size_t layer) { layers_.at(layer).push_back(add_node()); }

  [[nodiscard]] static directory::Node described(const Node& node) {
    directory::Node out;
    out.id = node.id;
    out.identity = node.identity;
    out.sphinx_key = node.current->pair.public_key;
    out.ip_addresses = {node.ip};
    out.mix_port = kPort;
    out.performance = 100;
    return out;
  }
  void rebuild() {
    directory::RewardedSet rewarded;
    std::vector<directory::Node> mixes;
    std::vector<directory::Node> gateways;
    for (std::size_t layer = 0; layer < kLayers; ++layer) {
      for (const auto& node : layers_.at(layer)) {
        rewarded.layers.at(layer).push_back(node->id);
        mixes.push_back(described(*node));
      }
    }
    for (const auto& node : gateways_) {
      rewarded.entry_gateways.push_back(node->id);
      gateways.push_back(described(*node));
    }
    topology_ = std::make_shared<const directory::Topology>(
        *directory::Topology::build(epoch_, rewarded, std::move(mixes), std::move(gateways)));
  }

  void push(base::TimePoint at, std::string to, base::Bytes packet, sphinx::KeyRotation rotation,
            bool held) {
    events_.push({at, ++last_order_, std::move(to), std::move(packet), rotation, held});
  }

  void forward(const sphinx::NodeAddress& to, base::Bytes packet, sphinx::KeyRotation rotation,
               base::TimePoint now) {
    send(to.to_string(), std::move(packet), rotation, now);
  }
  /// One link: the faults are here.
  void send(const std::string& to, base::Bytes packet, sphinx::KeyRotation rotation,
            base::TimePoint now) {
    if (chance(faults.loss)) {
      ++stats_.lost;
      return;
    }
    const auto arrival = [&] { return now + config_.link_delay + rng_.exponential(faults.jitter); };
    if (chance(faults.duplication)) push(arrival(), to, packet, rotation, false);
    push(arrival(), to, std::move(packet), rotation, false);
  }
  [[nodiscard]] bool chance(double probability) {
    return probability > 0 && rng_.unit() < probability;
  }

  void process(const std::string& address, const base::Bytes& packet, sphinx::KeyRotation rotation,
               base::TimePoint now) {
    const auto found = by_address_.find(address);
    const std::shared_ptr<Node> node = found == by_address_.end() ? nullptr : found->second.lock();
    if (node == nullptr) {
      ++stats_.undeliverable;
      return;
    }
    auto unwrapped = unwrap(*node, packet, rotation);
    if (!unwrapped) return;
    if (auto* hop = std::get_if<sphinx::ForwardHop>(&unwrapped->hop)) {
      const auto told = config_.frames_carry_rotation ? rotation : sphinx::KeyRotation::kUnknown;
      push(now + hop->delay, hop->next.to_string(), std::move(hop->packet), told, true);
      return;
    }
    auto& last = std::get<sphinx::FinalHop>(unwrapped->hop);
    const auto plaintext = last.recover_plaintext();
    if (!plaintext) {
      ++stats_.rejected;
      return;
    }
    const crypto::Ed25519PublicKey client{last.destination};
    if (sphinx::packet_size_of(packet.size()).value() == sphinx::PacketSize::kAck) {
      deliver(client, *plaintext);
      return;
    }
    const auto delivery = sphinx::split_delivery(*plaintext);
    if (!delivery) {
      ++stats_.rejected;
      return;
    }
    deliver(client, delivery->body);
    ++stats_.acks_forwarded;
    forward(delivery->ack.first_hop, delivery->ack.packet, rotation, now);
  }

  void deliver(const crypto::Ed25519PublicKey& client, base::ByteView bytes) {
    ++stats_.delivered;
    deliveries_.push_back({client, base::to_bytes(bytes)});
    if (chance(faults.deliver_twice)) deliveries_.push_back({client, base::to_bytes(bytes)});
  }

  /// spec: sphinx §9.1: the key that the rotation byte names, or the one that fits.
  std::optional<sphinx::Unwrapped> unwrap(Node& node, base::ByteView packet,
                                          sphinx::KeyRotation rotation) {
    for (Key* key : {node.current.get(), node.previous.get()}) {
      if (key == nullptr) continue;
      const auto own = sphinx::key_rotation_of(key->rotation_id);
      if (rotation != sphinx::KeyRotation::kUnknown && own != rotation) continue;
      auto unwrapped = sphinx::unwrap(packet, key->pair.secret);
      if (!unwrapped) continue;
      if (!key->seen.insert(unwrapped->replay_tag).second) {
        ++stats_.replayed;
        return std::nullopt;
      }
      return *std::move(unwrapped);
    }
    ++stats_.wrong_rotation;
    return std::nullopt;
  }

  Config config_;
  SeededRng rng_;
  directory::EpochMetadata epoch_;
  directory::NodeId last_id_ = 0;
  std::vector<std::shared_ptr<Node>> nodes_;
  std::array<std::vector<std::shared_ptr<Node>>, kLayers> layers_;
  std::vector<std::shared_ptr<Node>> gateways_;
  std::map<std::string, std::weak_ptr<Node>> by_address_;
  std::shared_ptr<const directory::Topology> topology_;
  std::priority_queue<Event> events_;
  std::uint64_t last_order_ = 0;
  std::deque<Delivery> deliveries_;
  Stats stats_;
};

}  // namespace mix::test
