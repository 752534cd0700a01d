// Several mixnet clients on one FakeMixnet, on virtual time.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "mix/mixnet/client.h"
#include "support/fake_mixnet.h"
#include "support/seeded_rng.h"

namespace mix::test {

using namespace std::chrono_literals;

/// A client with what its host would see.
struct Peer {
  struct Sent {
    base::TimePoint at;
    std::size_t bytes;
    sphinx::KeyRotation rotation;
  };

  explicit Peer(base::Rng& rng) : keys(mixnet::ClientKeys::generate(rng)) {}

  mixnet::ClientKeys keys;
  std::unique_ptr<mixnet::Client> client;
  std::vector<mixnet::MessageReceived> received;
  std::vector<mixnet::MessageId> delivered;
  std::vector<mixnet::MessageLost> lost;
  std::vector<mixnet::SurbsRequested> surb_requests;
  std::vector<Sent> sent;
  std::vector<base::Bytes> inbox;  // pushed by the gateway while offline
  bool online = true;
  bool hears_acks = true;  // false: all acks to it get lost
  std::size_t link_backlog = 0;
  /// Called for each message, e.g. to answer it.
  std::function<void(const mixnet::MessageReceived&)> on_message;

  mixnet::Client* operator->() { return client.get(); }
  [[nodiscard]] mixnet::Recipient address() const { return client->address(); }
};

class World {
 public:
  explicit World(std::uint64_t seed, const FakeMixnet::Config& config = {})
      : rng(seed), net(config, seed + 1) {}

  SeededRng rng;
  FakeMixnet net;

  [[nodiscard]] base::TimePoint now() const { return now_; }

  /// A running client behind the gateway with that index.
  Peer& add(std::size_t gateway, const mixnet::TrafficConfig& traffic = {},
            const mixnet::ReplierConfig& replier = {}) {
    auto peer = std::make_unique<Peer>(rng);
    peer->client = std::make_unique<mixnet::Client>(traffic, replier, peer->keys,
                                                    net.gateway(gateway), rng, base::null_log());
    peer->client->set_topology(net.topology(), now_);
    peer->client->start(now_);
    peers_.push_back(std::move(peer));
    return *peers_.back();
  }

  /// All clients learn the newest topology.
  void refresh_topology() {
    for (auto& peer : peers_) peer->client->set_topology(net.topology(), now_);
  }
  void set_online(Peer& peer, bool online) {
    if (peer.online == online) return;
    peer.online = online;
    online ? peer.client->start(now_) : peer.client->stop(now_);
  }

  void run_for(base::Duration duration) {
    run_until([] { return false; }, duration);
  }
  /// True when `done()` held within the time.
  template <class Done>
  bool run_until(Done done, base::Duration limit) {
    const base::TimePoint end = now_ + limit;
    std::size_t idle_steps = 0;
    while (!done()) {
      base::Deadline next = net.next_deadline();
      for (const auto& peer : peers_) {
        next = base::earlier(next, peer->client->next_deadline());
      }
      if (!next || *next > end) {
        now_ = end;
        step();
        return done();
      }
      // A deadline that stays due would spin the host.
      idle_steps = *next <= now_ ? idle_steps + 1 : 0;
      if (idle_steps > 1000) {
        ADD_FAILURE() << "a deadline stays due";
        return false;
      }
      now_ = std::max(now_, *next);
      step();
    }
    return true;
  }

  /// Everything that is due now.
  void step() {
    net.expire(now_);
    while (auto delivery = net.poll_delivery()) {
      for (auto& peer : peers_) {
        if (peer->keys.identity.public_key == delivery->client) {
          peer->inbox.push_back(std::move(delivery->bytes));
          break;
        }
      }
    }
    for (auto& peer : peers_) serve(*peer);
  }

 private:
  void serve(Peer& peer) {
    mixnet::Client& client = *peer.client;
    if (peer.online) {
      for (const base::Bytes& bytes : std::exchange(peer.inbox, {})) {
        const bool is_ack = bytes.size() == mixnet::kAckContentSize;
        if (!is_ack || peer.hears_acks) client.receive(bytes, now_);
      }
    }
    client.expire(now_);
    drain_events(peer);
    while (auto packet = client.poll_output(now_, peer.link_backlog)) {
      peer.sent.push_back({now_, packet->packet.size(), packet->rotation});
      net.submit(*packet, now_);
    }
    drain_events(peer);
  }

  static void drain_events(Peer& peer) {
    while (auto event = peer.client->poll_event()) {
      if (auto* message = std::get_if<mixnet::MessageReceived>(&*event)) {
        if (peer.on_message) peer.on_message(*message);
        peer.received.push_back(std::move(*message));
      } else if (const auto* done = std::get_if<mixnet::MessageDelivered>(&*event)) {
        peer.delivered.push_back(done->id);
      } else if (auto* lost = std::get_if<mixnet::MessageLost>(&*event)) {
        peer.lost.push_back(std::move(*lost));
      } else if (const auto* asked = std::get_if<mixnet::SurbsRequested>(&*event)) {
        peer.surb_requests.push_back(*asked);
      }
    }
  }

  base::TimePoint now_{1h};
  std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace mix::test
