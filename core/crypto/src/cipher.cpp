#include "mix/crypto/cipher.h"

#include <sodium.h>

#include <algorithm>

#include "aes.h"
#include "mix/base/panic.h"
#include "polyval.h"

namespace mix::crypto {

namespace {

using detail::AesKeySchedule;
using detail::kAesBlockSize;
using BlockView = std::span<std::uint8_t, kAesBlockSize>;

void store_u64be(std::uint64_t value, base::MutByteView out) {
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
}

void store_u64le(std::uint64_t value, base::MutByteView out) {
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint32_t load_u32le(base::ByteView in) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | in[i];
  return value;
}

void store_u32le(std::uint32_t value, base::MutByteView out) {
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// ---- AES-256-GCM-SIV, RFC 8452 -------------------------------------------------------------

/// The two keys of one message. RFC 8452 §4.
struct MessageKeys {
  Secret<16> authentication;
  Secret<32> encryption;
};

MessageKeys derive_message_keys(const AesKey256& key, const GcmSivNonce& nonce) {
  // Blocks number, nonce; of each encryption only the first half is used.
  constexpr std::size_t kNumBlocks = 6;
  constexpr std::size_t kHalf = 8;
  const AesKeySchedule schedule{key.reveal()};
  detail::AesBatch blocks{};
  for (std::size_t i = 0; i < kNumBlocks; ++i) {
    const auto block = std::span{blocks}.subspan(i * kAesBlockSize);
    store_u32le(static_cast<std::uint32_t>(i), block.first<4>());
    std::ranges::copy(nonce, block.begin() + 4);
  }
  schedule.encrypt(blocks);
  MessageKeys out;
  const auto half = [&](std::size_t i) {
    return base::ByteView{blocks}.subspan(i * kAesBlockSize, kHalf);
  };
  for (std::size_t i = 0; i < 2; ++i) {
    std::ranges::copy(half(i), out.authentication.reveal_mut().subspan(i * kHalf).begin());
  }
  for (std::size_t i = 2; i < kNumBlocks; ++i) {
    std::ranges::copy(half(i), out.encryption.reveal_mut().subspan((i - 2) * kHalf).begin());
  }
  wipe(blocks);
  return out;
}

AesBlock compute_tag(const MessageKeys& keys, const AesKeySchedule& encryption,
                     const GcmSivNonce& nonce, base::ByteView plaintext) {
  detail::Polyval polyval{keys.authentication.reveal()};
  polyval.update_padded(plaintext);
  // Lengths in bits: of the associated data, here none, and of the plaintext.
  AesBlock lengths{};
  store_u64le(std::uint64_t{plaintext.size()} * 8, base::MutByteView{lengths}.subspan(8));
  polyval.update_padded(lengths);

  detail::AesBatch batch{};
  const BlockView block = std::span{batch}.first<kAesBlockSize>();
  std::ranges::copy(polyval.digest(), block.begin());
  for (std::size_t i = 0; i < nonce.size(); ++i) block[i] ^= nonce[i];
  block.back() &= 0x7f;
  encryption.encrypt(batch);
  AesBlock tag;
  std::ranges::copy(block, tag.begin());
  wipe(batch);
  return tag;
}

/// CTR whose first four bytes count, little-endian, from a block made of the tag.
void siv_counter_xor(const AesKeySchedule& encryption, base::ByteView tag, base::MutByteView data) {
  AesBlock start;
  std::ranges::copy(tag, start.begin());
  start.back() |= 0x80;
  std::uint32_t counter = load_u32le(start);
  detail::aes_counter_xor(encryption, data, [&](BlockView block) {
    std::ranges::copy(start, block.begin());
    store_u32le(counter, block.first<4>());
    counter += 1;
  });
}

// ---- LIONESS -------------------------------------------------------------------------------

constexpr std::size_t kLeftSize = 32;
constexpr std::size_t kStreamKeySize = 32;
constexpr std::size_t kHashKeySize = 64;
static_assert(2 * (kStreamKeySize + kHashKeySize) == kLionessKeySize);

/// A block and the key's parts. spec: sphinx §4.1.
class Lioness {
 public:
  Lioness(const LionessKey& key, base::MutByteView block)
      : key_(key.reveal()), left_(block.first(kLeftSize)), right_(block.subspan(kLeftSize)) {}

  static constexpr std::size_t kStream1 = 0;
  static constexpr std::size_t kHash2 = kStream1 + kStreamKeySize;
  static constexpr std::size_t kStream3 = kHash2 + kHashKeySize;
  static constexpr std::size_t kHash4 = kStream3 + kStreamKeySize;

  /// R ^= ChaCha20(key = L ^ key part): the original variant, zero nonce, counter 0.
  void stream(std::size_t key_at) {
    static constexpr std::array<std::uint8_t, crypto_stream_chacha20_NONCEBYTES> kZeroNonce{};
    Secret<kStreamKeySize> stream_key =
        Secret<kStreamKeySize>::from(key_.subspan(key_at, kStreamKeySize));
    for (std::size_t i = 0; i < kStreamKeySize; ++i) stream_key.reveal_mut()[i] ^= left_[i];
    static_cast<void>(crypto_stream_chacha20_xor(right_.data(), right_.data(), right_.size(),
                                                 kZeroNonce.data(), stream_key.reveal().data()));
  }

  /// L ^= BLAKE2b-256(key part, R).
  void hash(std::size_t key_at) {
    std::array<std::uint8_t, kLeftSize> digest;
    static_cast<void>(crypto_generichash(digest.data(), digest.size(), right_.data(), right_.size(),
                                         key_.subspan(key_at).data(), kHashKeySize));
    for (std::size_t i = 0; i < kLeftSize; ++i) left_[i] ^= digest[i];
    wipe(digest);
  }

 private:
  base::ByteView key_;
  base::MutByteView left_;
  base::MutByteView right_;
};

}  // namespace

void aes128_ctr_xor(base::ByteView key, const AesBlock& initial_counter, base::MutByteView data) {
  if (key.size() != AesKey128::kSize) base::panic("AES-128-CTR: key size");
  constexpr std::size_t kPrefixSize = 8;
  std::uint64_t counter = 0;
  for (std::size_t i = kPrefixSize; i < kAesBlockSize; ++i) {
    counter = counter << 8 | initial_counter[i];
  }
  detail::aes_counter_xor(AesKeySchedule{key}, data, [&](BlockView block) {
    std::ranges::copy(base::ByteView{initial_counter}.first(kPrefixSize), block.begin());
    store_u64be(counter, block.subspan<kPrefixSize>());
    counter += 1;
  });
}

void aes128_ctr_xor(base::ByteView key, base::MutByteView data) {
  aes128_ctr_xor(key, AesBlock{}, data);
}

GcmSiv::GcmSiv(const AesKey256& key) : key_(key.clone()) {}

base::Bytes GcmSiv::seal(const GcmSivNonce& nonce, base::ByteView plaintext) const {
  const MessageKeys keys = derive_message_keys(key_, nonce);
  const AesKeySchedule encryption{keys.encryption.reveal()};
  const AesBlock tag = compute_tag(keys, encryption, nonce, plaintext);
  base::Bytes out;
  out.reserve(plaintext.size() + kGcmSivTagSize);
  base::append(out, plaintext);
  siv_counter_xor(encryption, tag, out);
  base::append(out, tag);
  return out;
}

base::Result<base::Bytes> GcmSiv::open(const GcmSivNonce& nonce, base::ByteView ciphertext) const {
  if (ciphertext.size() < kGcmSivTagSize) return base::Errc::crypto_bad_ciphertext;
  const base::ByteView tag = ciphertext.last(kGcmSivTagSize);
  base::Bytes out = base::to_bytes(ciphertext.first(ciphertext.size() - kGcmSivTagSize));

  const MessageKeys keys = derive_message_keys(key_, nonce);
  const AesKeySchedule encryption{keys.encryption.reveal()};
  siv_counter_xor(encryption, tag, out);
  if (!ct_equal(compute_tag(keys, encryption, nonce, out), tag)) {
    wipe(out);
    return base::Errc::crypto_bad_ciphertext;
  }
  return out;
}

void lioness_encrypt(const LionessKey& key, base::MutByteView block) {
  if (block.size() <= kLeftSize) base::panic("LIONESS: block too short");
  Lioness rounds{key, block};
  rounds.stream(Lioness::kStream1);
  rounds.hash(Lioness::kHash2);
  rounds.stream(Lioness::kStream3);
  rounds.hash(Lioness::kHash4);
}

void lioness_decrypt(const LionessKey& key, base::MutByteView block) {
  if (block.size() <= kLeftSize) base::panic("LIONESS: block too short");
  Lioness rounds{key, block};
  rounds.hash(Lioness::kHash4);
  rounds.stream(Lioness::kStream3);
  rounds.hash(Lioness::kHash2);
  rounds.stream(Lioness::kStream1);
}

}  // namespace mix::crypto
