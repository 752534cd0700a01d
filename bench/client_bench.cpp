// What the client makes of Sphinx for one packet: routes, SURB-ACK, encryption of the fragment.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "mix/crypto/system_rng.h"
#include "mix/mixnet/constants.h"
#include "mix/mixnet/packet_builder.h"

namespace mix::mixnet {
namespace {

crypto::SystemRng& rng() {
  static crypto::SystemRng source;
  return source;
}

/// Forty mixes in each of the three layers and one gateway, as many as the network has active.
std::shared_ptr<const directory::Topology> make_topology(
    const crypto::Ed25519PublicKey& gateway_identity) {
  constexpr directory::NodeId kPerLayer = 40;
  directory::RewardedSet rewarded;
  std::vector<directory::Node> mixes;
  const auto node = [](directory::NodeId id) {
    directory::Node out;
    out.id = id;
    out.identity.bytes = rng().bytes<32>();
    out.sphinx_key = crypto::X25519KeyPair::generate(rng()).public_key;
    out.ip_addresses = {"127.0.0.1"};
    out.mix_port = 1789;
    out.performance = 100;
    return out;
  };
  directory::NodeId next = 1;
  for (auto& layer : rewarded.layers) {
    for (directory::NodeId i = 0; i < kPerLayer; ++i) {
      layer.push_back(next);
      mixes.push_back(node(next++));
    }
  }
  directory::Node gateway = node(next);
  gateway.identity = gateway_identity;
  rewarded.entry_gateways.push_back(next);
  auto built = directory::Topology::build({.absolute_epoch_id = 1, .rotation_id = 1}, rewarded,
                                          std::move(mixes), {gateway});
  return std::make_shared<const directory::Topology>(*std::move(built));
}

struct Client {
  ClientKeys keys = ClientKeys::generate(rng());
  crypto::Ed25519PublicKey gateway = crypto::Ed25519KeyPair::generate(rng()).public_key;
  PacketBuilder builder{TrafficConfig{}, keys, gateway, rng()};

  Client() {
    builder.set_topology(make_topology(gateway));
    // Long enough for every mix to have its table.
    for (int i = 0; i < 600; ++i) benchmark::DoNotOptimize(builder.build_reply_surb());
  }
};

/// A whole packet to send: route, SURB-ACK, fragment encryption, header, payload.
void client_packet_with_ack(benchmark::State& state) {
  Client client;
  const base::Bytes fragment(fragment_bytes(sphinx::PacketSize::kRegular), 7);
  const FragmentId id{SetId{1}, 1};
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        client.builder.build(fragment, id, client.builder.address(), sphinx::PacketSize::kRegular));
  }
}
BENCHMARK(client_packet_with_ack);

/// The same, when headers and fragment keys were built ahead.
void client_packet_built_ahead(benchmark::State& state) {
  constexpr int kSize = 32;
  constexpr std::size_t kAllParts = 6 * std::size_t{kSize};
  Client client;
  const base::Bytes fragment(fragment_bytes(sphinx::PacketSize::kRegular), 7);
  const FragmentId id{SetId{1}, 1};
  const auto build = [&] {
    benchmark::DoNotOptimize(
        client.builder.build(fragment, id, client.builder.address(), sphinx::PacketSize::kRegular));
  };
  client.builder.set_headers_ahead(kSize);
  build();
  build();
  for (auto _ : state) {
    state.PauseTiming();
    client.builder.build_ahead(kAllParts);
    state.ResumeTiming();
    for (int i = 0; i < kSize; ++i) build();
  }
  state.SetItemsProcessed(state.iterations() * kSize);
}
BENCHMARK(client_packet_built_ahead);

void client_reply_surb(benchmark::State& state) {
  Client client;
  for (auto _ : state) benchmark::DoNotOptimize(client.builder.build_reply_surb());
}
BENCHMARK(client_reply_surb);

}  // namespace
}  // namespace mix::mixnet
