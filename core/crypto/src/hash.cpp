#include "mix/crypto/hash.h"

#include <blake3.h>
#include <sodium.h>

#include <algorithm>

#include "mix/base/panic.h"
#include "sha256.h"

namespace mix::crypto {

namespace {

using detail::Sha256State;

constexpr std::size_t kHmacBlockSize = 64;  // of SHA-256 and of BLAKE3
constexpr std::uint8_t kInnerPad = 0x36;
constexpr std::uint8_t kOuterPad = 0x5c;

/// BLAKE3 in its plain hash mode as a copyable running state; wiped when it goes, for it may have
/// absorbed a key.
class Blake3State {
 public:
  Blake3State() { blake3_hasher_init(&state_); }
  Blake3State(const Blake3State&) = default;
  Blake3State& operator=(const Blake3State&) = default;
  ~Blake3State() { sodium_memzero(&state_, sizeof state_); }
  void update(base::ByteView data) { blake3_hasher_update(&state_, data.data(), data.size()); }
  [[nodiscard]] Digest finish() {
    Digest out;
    blake3_hasher_finalize(&state_, out.data(), out.size());
    return out;
  }

 private:
  blake3_hasher state_;
};

/// A key, absorbed once, for any number of messages (RFC 2104).
template <class State>
class HmacKey {
 public:
  explicit HmacKey(base::ByteView key) {
    std::array<std::uint8_t, kHmacBlockSize> block{};
    if (key.size() > block.size()) {
      State state;
      state.update(key);
      Digest short_key = state.finish();
      std::ranges::copy(short_key, block.begin());
      wipe(short_key);
    } else {
      std::ranges::copy(key, block.begin());
    }
    for (std::uint8_t& byte : block) byte ^= kInnerPad;
    inner_.update(block);
    for (std::uint8_t& byte : block) byte ^= kInnerPad ^ kOuterPad;
    outer_.update(block);
    wipe(block);
  }

  /// MAC of the parts joined together.
  template <class... Parts>
  [[nodiscard]] Digest mac(const Parts&... parts) const {
    State inner = inner_;
    (inner.update(parts), ...);
    Digest digest = inner.finish();
    State outer = outer_;
    outer.update(digest);
    digest = outer.finish();
    return digest;
  }

 private:
  State inner_;
  State outer_;
};

/// RFC 5869: extract, then expand.
template <class State>
void hkdf(base::ByteView salt, base::ByteView ikm, base::ByteView info, base::MutByteView out) {
  constexpr std::size_t kMaxBlocks = 255;
  if (out.size() > kMaxBlocks * std::tuple_size_v<Digest>) base::panic("HKDF: output too long");
  Digest pseudo_random_key = HmacKey<State>{salt}.mac(ikm);
  const HmacKey<State> expand{pseudo_random_key};
  wipe(pseudo_random_key);

  Digest block{};
  base::ByteView previous;
  std::array<std::uint8_t, 1> counter{1};
  while (!out.empty()) {
    block = expand.mac(previous, info, base::ByteView{counter});
    const std::size_t take = std::min(out.size(), block.size());
    std::ranges::copy(base::ByteView{block}.first(take), out.begin());
    out = out.subspan(take);
    previous = block;
    counter[0] = static_cast<std::uint8_t>(counter[0] + 1);
  }
  wipe(block);
}

}  // namespace

Digest sha256(base::ByteView data) {
  Sha256State state;
  state.update(data);
  return state.finish();
}

Digest blake3(base::ByteView data) {
  Blake3State state;
  state.update(data);
  return state.finish();
}

Digest hmac_sha256(base::ByteView key, base::ByteView data) {
  return HmacKey<Sha256State>{key}.mac(data);
}

Digest hmac_blake3(base::ByteView key, base::ByteView data) {
  return HmacKey<Blake3State>{key}.mac(data);
}

void hkdf_sha256(base::ByteView salt, base::ByteView ikm, base::ByteView info,
                 base::MutByteView out) {
  hkdf<Sha256State>(salt, ikm, info, out);
}

void hkdf_blake3(base::ByteView salt, base::ByteView ikm, base::ByteView info,
                 base::MutByteView out) {
  hkdf<Blake3State>(salt, ikm, info, out);
}

}  // namespace mix::crypto
