#include "mix/crypto/secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <new>
#include <type_traits>

#include "mix/base/encoding.h"
#include "mix/crypto/cipher.h"
#include "mix/crypto/keys.h"
#include "mix/crypto/system_rng.h"
#include "support/seeded_rng.h"

namespace mix::crypto {
namespace {

static_assert(!std::is_copy_constructible_v<Secret<32>>);
static_assert(!std::is_copy_assignable_v<Secret<32>>);
static_assert(std::is_nothrow_move_constructible_v<Secret<32>>);

std::array<std::uint8_t, 32> sample() {
  std::array<std::uint8_t, 32> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i + 1);
  return bytes;
}

bool all_zero(base::ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

/// An object in memory that the test owns, so that the bytes may be looked at afterwards.
template <class T>
struct Grave {
  alignas(T) std::array<std::uint8_t, sizeof(T)> memory{};

  void bury(T&& value) {
    T* object = new (memory.data()) T(std::move(value));
    object->~T();
  }
};

TEST(Secret, IsWipedWhenItGoes) {
  alignas(Secret<32>) std::array<std::uint8_t, sizeof(Secret<32>)> memory{};
  auto* secret = new (memory.data()) Secret<32>(sample());
  ASSERT_FALSE(all_zero(secret->reveal()));
  secret->~Secret();
  EXPECT_TRUE(all_zero(memory));
}

TEST(Secret, IsWipedWhereItWasMovedFrom) {
  Secret<32> from{sample()};
  const Secret<32> to{std::move(from)};
  EXPECT_TRUE(all_zero(from.reveal()));  // NOLINT(bugprone-use-after-move): the point of the test
  EXPECT_TRUE(base::equal(to.reveal(), sample()));

  Secret<32> other{sample()};
  Secret<32> target;
  target = std::move(other);
  EXPECT_TRUE(all_zero(other.reveal()));  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(base::equal(target.reveal(), sample()));
}

TEST(Secret, SurvivesMoveToItself) {
  Secret<32> secret{sample()};
  Secret<32>& alias = secret;
  secret = std::move(alias);
  EXPECT_TRUE(base::equal(secret.reveal(), sample()));
}

TEST(Secret, CloneIsASecondCopy) {
  const Secret<32> secret{sample()};
  const Secret<32> copy = secret.clone();
  EXPECT_TRUE(base::equal(copy.reveal(), secret.reveal()));
}

TEST(Secret, HoldersLeaveNothingBehind) {
  test::SeededRng rng{21};
  Grave<X25519KeyPair> x25519_grave;
  X25519KeyPair x25519_key = X25519KeyPair::generate(rng);
  const X25519PublicKey x25519_public = x25519_key.public_key;
  x25519_grave.bury(std::move(x25519_key));
  // Only the public half may still lie there.
  base::Bytes left{x25519_grave.memory.begin(), x25519_grave.memory.end()};
  const auto found = std::ranges::search(left, x25519_public.bytes);
  ASSERT_EQ(found.size(), x25519_public.bytes.size());
  std::ranges::fill(found, std::uint8_t{0});
  EXPECT_TRUE(all_zero(left));

  Grave<LionessKey> lioness_grave;
  LionessKey key;
  rng.fill(key.reveal_mut());
  lioness_grave.bury(std::move(key));
  EXPECT_TRUE(all_zero(lioness_grave.memory));
}

TEST(Secret, WipeClearsAnyLength) {
  for (std::size_t size = 0; size < 70; ++size) {
    base::Bytes bytes(size, 0xee);
    wipe(bytes);
    EXPECT_TRUE(all_zero(bytes));
  }
}

TEST(SecretDeathTest, RefusesAViewOfAnotherLength) {
  const base::Bytes short_view(31);
  EXPECT_DEATH_IF_SUPPORTED(static_cast<void>(Secret<32>::from(short_view)), "wrong length");
}

TEST(ConstantTimeEquality, SeesEverySingleBit) {
  const auto a = sample();
  EXPECT_TRUE(ct_equal(a, sample()));
  for (std::size_t bit = 0; bit < a.size() * 8; ++bit) {
    auto b = a;
    b[bit / 8] = static_cast<std::uint8_t>(b[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_FALSE(ct_equal(a, b));
  }
  EXPECT_FALSE(ct_equal(a, base::ByteView{a}.first(31)));
  EXPECT_TRUE(ct_equal({}, {}));
}

TEST(SystemRng, GivesDifferentBytesEachTime) {
  SystemRng rng;
  const auto a = rng.bytes<32>();
  const auto b = rng.bytes<32>();
  EXPECT_NE(a, b);
  EXPECT_FALSE(all_zero(a));
}

TEST(SystemRng, FillsEveryByteOfEveryLength) {
  SystemRng rng;
  for (const std::size_t size : {0U, 1U, 255U, 256U, 257U, 1000U}) {
    // A byte that stays zero in sixteen draws was not written.
    base::Bytes seen(size);
    for (int draw = 0; draw < 16; ++draw) {
      base::Bytes bytes(size);
      rng.fill(bytes);
      for (std::size_t i = 0; i < size; ++i) seen[i] |= bytes[i];
    }
    EXPECT_EQ(std::ranges::count(seen, std::uint8_t{0}), 0) << size;
  }
}

TEST(SystemRng, SourcesShareNoBytes) {
  SystemRng a;
  SystemRng b;
  EXPECT_NE(a.bytes<32>(), b.bytes<32>());
}

TEST(SystemRng, LeavesNothingBehind) {
  alignas(SystemRng) std::array<std::uint8_t, sizeof(SystemRng)> memory{};
  auto* rng = new (memory.data()) SystemRng;
  const auto first = rng->bytes<16>();
  const auto contains = [&](base::ByteView bytes) {
    return !std::ranges::search(memory, bytes).empty();
  };
  EXPECT_FALSE(contains(first)) << "bytes that were handed out lie in the block";
  // The tail of the block is what would come next.
  const base::Bytes tail{memory.begin() + 200, memory.begin() + 232};
  EXPECT_FALSE(all_zero(tail));
  rng->~SystemRng();
  EXPECT_FALSE(contains(tail));
}

TEST(SeededRng, GivesTheChaCha20KeystreamOfItsSeed) {
  // Key, nonce and counter zero: the first block of the original ChaCha20.
  test::SeededRng rng{0};
  EXPECT_EQ(base::hex_encode(rng.bytes<32>()),
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7");
  test::SeededRng same{0};
  static_cast<void>(same.bytes<31>());
  EXPECT_EQ(base::hex_encode(same.bytes<3>()), "c7da41");
}

}  // namespace
}  // namespace mix::crypto
