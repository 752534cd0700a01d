// Sphinx over four hops. The chained derivation is the yardstick that the others are measured
// against.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "mix/crypto/system_rng.h"
#include "mix/sphinx/packet.h"
#include "mix/sphinx/surb.h"

namespace mix::sphinx {
namespace {

constexpr std::size_t kHops = 4;

crypto::SystemRng& rng() {
  static crypto::SystemRng source;
  return source;
}

enum class Multiplication : std::uint8_t { kLadder, kTables };

struct Network {
  std::vector<Hop> route;
  std::vector<crypto::X25519SecretKey> keys;
  crypto::PointTables tables{{.uses_before_table = 1}};

  explicit Network(Derivation derivation) {
    for (std::size_t i = 0; i < kHops; ++i) {
      auto pair = crypto::X25519KeyPair::generate(rng());
      route.push_back({.address = {.ip = Ipv4Octets{127, 0, 0, 1}, .port = 1789},
                       .key = pair.public_key,
                       .delay = rng().exponential(std::chrono::milliseconds{15}),
                       .derivation = derivation});
      keys.push_back(std::move(pair.secret));
    }
    // Builds the tables.
    benchmark::DoNotOptimize(
        make_packet(route, {}, {}, PacketSize::kAck, Version::kSeeded, rng(), &tables));
  }

  [[nodiscard]] crypto::PointTables* tables_for(Multiplication by) {
    return by == Multiplication::kTables ? &tables : nullptr;
  }
};

void build_headers(benchmark::State& state, Derivation derivation, Multiplication by) {
  Network network{derivation};
  for (auto _ : state) {
    benchmark::DoNotOptimize(build_header(HeaderSecrets::generate(rng()), network.route, {}, {},
                                          Version::kSeeded, network.tables_for(by)));
  }
}
BENCHMARK_CAPTURE(build_headers, chained, Derivation::kChained, Multiplication::kLadder);
BENCHMARK_CAPTURE(build_headers, merged, Derivation::kMerged, Multiplication::kLadder);
BENCHMARK_CAPTURE(build_headers, tables, Derivation::kMerged, Multiplication::kTables);

void build_packets(benchmark::State& state, Derivation derivation, Multiplication by) {
  Network network{derivation};
  const base::Bytes message(plaintext_bytes(PacketSize::kRegular), 7);
  for (auto _ : state) {
    benchmark::DoNotOptimize(make_packet(network.route, {}, message, PacketSize::kRegular,
                                         Version::kSeeded, rng(), network.tables_for(by)));
  }
}
BENCHMARK_CAPTURE(build_packets, chained, Derivation::kChained, Multiplication::kLadder);
BENCHMARK_CAPTURE(build_packets, merged, Derivation::kMerged, Multiplication::kLadder);
BENCHMARK_CAPTURE(build_packets, tables, Derivation::kMerged, Multiplication::kTables);

void build_surbs(benchmark::State& state) {
  Network network{Derivation::kMerged};
  for (auto _ : state) {
    benchmark::DoNotOptimize(Surb::build(HeaderSecrets::generate(rng()), network.route, {},
                                         Version::kSeeded, &network.tables));
  }
}
BENCHMARK(build_surbs);

void unwrap_a_hop(benchmark::State& state) {
  Network network{Derivation::kMerged};
  const auto packet =
      make_packet(network.route, {}, {}, PacketSize::kRegular, Version::kSeeded, rng());
  for (auto _ : state) benchmark::DoNotOptimize(unwrap(*packet, network.keys.front()));
}
BENCHMARK(unwrap_a_hop);

}  // namespace
}  // namespace mix::sphinx
