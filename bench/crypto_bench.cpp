// The primitives, on inputs as long as a packet makes them.
#include <benchmark/benchmark.h>
#include <sodium.h>

#include <cstdint>

#include "mix/crypto/cipher.h"
#include "mix/crypto/fixed_base.h"
#include "mix/crypto/hash.h"
#include "mix/crypto/system_rng.h"

namespace mix::crypto {
namespace {

constexpr std::size_t kPayloadSize = 2065;  // of a regular packet
constexpr std::size_t kEnvelopeSize = 2413 + 2;

SystemRng& rng() {
  static SystemRng source;
  return source;
}

base::Bytes random_bytes(std::size_t size) {
  base::Bytes out(size);
  rng().fill(out);
  return out;
}

void count_bytes(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

void x25519_ladder(benchmark::State& state) {
  const X25519KeyPair own = X25519KeyPair::generate(rng());
  const X25519KeyPair peer = X25519KeyPair::generate(rng());
  for (auto _ : state) benchmark::DoNotOptimize(x25519(own.secret, peer.public_key));
}
BENCHMARK(x25519_ladder);

void x25519_base_of_libsodium(benchmark::State& state) {
  const Secret<32> secret{rng().bytes<32>()};
  for (auto _ : state) {
    benchmark::DoNotOptimize(X25519KeyPair::from_secret(secret.clone()).public_key);
  }
}
BENCHMARK(x25519_base_of_libsodium);

void x25519_table(benchmark::State& state) {
  const auto table = FixedBaseTable::build(X25519KeyPair::generate(rng()).public_key);
  const Scalar scalar = Scalar::clamped(rng().bytes<32>());
  for (auto _ : state) benchmark::DoNotOptimize(table->multiply(scalar));
}
BENCHMARK(x25519_table);

void x25519_build_table(benchmark::State& state) {
  const X25519PublicKey point = X25519KeyPair::generate(rng()).public_key;
  for (auto _ : state) benchmark::DoNotOptimize(FixedBaseTable::build(point));
}
BENCHMARK(x25519_build_table);

void chacha20(benchmark::State& state) {
  base::Bytes data = random_bytes(kPayloadSize);
  const base::Bytes key = random_bytes(crypto_stream_chacha20_KEYBYTES);
  const base::Bytes nonce(crypto_stream_chacha20_NONCEBYTES);
  for (auto _ : state) {
    crypto_stream_chacha20_xor(data.data(), data.data(), data.size(), nonce.data(), key.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state, data.size());
}
BENCHMARK(chacha20);

void blake2b(benchmark::State& state) {
  const base::Bytes data = random_bytes(kPayloadSize);
  const base::Bytes key = random_bytes(64);
  base::Bytes digest(32);
  for (auto _ : state) {
    crypto_generichash(digest.data(), digest.size(), data.data(), data.size(), key.data(),
                       key.size());
    benchmark::ClobberMemory();
  }
  count_bytes(state, data.size());
}
BENCHMARK(blake2b);

void lioness(benchmark::State& state) {
  const LionessKey key{rng().bytes<kLionessKeySize>()};
  base::Bytes block = random_bytes(kPayloadSize);
  for (auto _ : state) {
    lioness_encrypt(key, block);
    benchmark::ClobberMemory();
  }
  count_bytes(state, block.size());
}
BENCHMARK(lioness);

void aes_ctr(benchmark::State& state) {
  const base::Bytes key = random_bytes(16);
  base::Bytes data = random_bytes(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    aes128_ctr_xor(key, data);
    benchmark::ClobberMemory();
  }
  count_bytes(state, data.size());
}
BENCHMARK(aes_ctr)->Arg(360)->Arg(1611);

void gcm_siv_seal(benchmark::State& state) {
  const GcmSiv cipher{AesKey256{rng().bytes<32>()}};
  const auto nonce = rng().bytes<kGcmSivNonceSize>();
  const base::Bytes packet = random_bytes(kEnvelopeSize);
  for (auto _ : state) benchmark::DoNotOptimize(cipher.seal(nonce, packet));
  count_bytes(state, packet.size());
}
BENCHMARK(gcm_siv_seal);

void gcm_siv_open(benchmark::State& state) {
  const GcmSiv cipher{AesKey256{rng().bytes<32>()}};
  const auto nonce = rng().bytes<kGcmSivNonceSize>();
  const base::Bytes sealed = cipher.seal(nonce, random_bytes(kEnvelopeSize));
  for (auto _ : state) benchmark::DoNotOptimize(cipher.open(nonce, sealed));
  count_bytes(state, sealed.size());
}
BENCHMARK(gcm_siv_open);

void hash_sha256(benchmark::State& state) {
  const base::Bytes data = random_bytes(2048);
  for (auto _ : state) benchmark::DoNotOptimize(sha256(data));
  count_bytes(state, data.size());
}
BENCHMARK(hash_sha256);

void hash_sha256_of_libsodium(benchmark::State& state) {
  const base::Bytes data = random_bytes(2048);
  base::Bytes digest(crypto_hash_sha256_BYTES);
  for (auto _ : state) {
    crypto_hash_sha256(digest.data(), data.data(), data.size());
    benchmark::ClobberMemory();
  }
  count_bytes(state, data.size());
}
BENCHMARK(hash_sha256_of_libsodium);

/// As a hop's secret is expanded: 288 bytes, with an info of 97.
void hkdf_of_a_hop(benchmark::State& state) {
  const base::Bytes secret = random_bytes(32);
  const base::Bytes info = random_bytes(97);
  base::Bytes out(288);
  for (auto _ : state) {
    hkdf_sha256({}, secret, info, out);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(hkdf_of_a_hop);

}  // namespace
}  // namespace mix::crypto
