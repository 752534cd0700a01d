#include "mix/tunnel/key_store.h"

#include <utility>

#include "mix/crypto/hash.h"

namespace mix::tunnel {
namespace {

using base::Errc;

constexpr std::string_view kMagic = "MXWK";
constexpr std::uint8_t kVersion = 1;
enum class Protection : std::uint8_t { kPlain = 0, kSealed = 1 };
constexpr std::size_t kChecksumSize = 16;
constexpr std::size_t kKeysSize = 32 + 32 + 16 + 32 + 32 + 8;

base::ByteView checksum_of(base::ByteView bytes, crypto::Digest& digest) {
  digest = crypto::blake3(bytes);
  return base::ByteView(digest).first(kChecksumSize);
}

template <std::size_t N>
base::Result<crypto::Secret<N>> read_secret(base::Reader& in) {
  MIX_TRY(const base::ByteView bytes, in.bytes(N));
  return crypto::Secret<N>::from(bytes);
}

/// The caller wipes the result.
base::Bytes encode_keys(const Identity& identity) {
  base::Writer out(kKeysSize);
  out.bytes(identity.keys.identity.seed.reveal());
  out.bytes(identity.keys.encryption.secret.reveal());
  out.bytes(identity.keys.ack_key.reveal());
  out.bytes(identity.gateway.view());
  out.bytes(identity.shared_key.reveal());
  out.u64be(identity.last_login);
  return out.take();
}

base::Result<Identity> decode_keys(base::Reader in) {
  MIX_TRY(auto seed, read_secret<32>(in));
  MIX_TRY(auto secret, read_secret<32>(in));
  MIX_TRY(auto ack_key, read_secret<16>(in));
  MIX_TRY(const auto gateway, in.fixed<crypto::Ed25519PublicKey::kSize>());
  MIX_TRY(auto shared_key, read_secret<32>(in));
  MIX_TRY(const std::uint64_t last_login, in.u64be());
  MIX_CHECK(in.finish());
  return Identity{
      .keys = {.identity = crypto::Ed25519KeyPair::from_seed(std::move(seed)),
               .encryption = crypto::X25519KeyPair::from_secret(std::move(secret)),
               .ack_key = std::move(ack_key)},
      .gateway = crypto::Ed25519PublicKey{gateway},
      .shared_key = std::move(shared_key),
      .last_login = last_login,
  };
}

}  // namespace

KeyVault::KeyVault(base::Bytes passphrase, const crypto::PassphraseCost& cost)
    : passphrase_(std::move(passphrase)), cost_(cost) {}

KeyVault::~KeyVault() { crypto::wipe(passphrase_); }

base::Result<Identity> KeyVault::open(base::ByteView record) {
  if (record.size() < kChecksumSize) return Errc::storage_corrupt;
  const base::ByteView content = record.first(record.size() - kChecksumSize);
  crypto::Digest digest{};
  if (!base::equal(checksum_of(content, digest), record.last(kChecksumSize))) {
    return Errc::storage_corrupt;
  }
  base::Reader in(content);
  const auto magic = in.bytes(kMagic.size());
  const auto version = in.u8();
  const auto protection = in.u8();
  if (!magic || !version || !protection || base::as_text(*magic) != kMagic ||
      *version != kVersion) {
    return Errc::storage_corrupt;
  }
  switch (static_cast<Protection>(*protection)) {
    case Protection::kPlain: {
      auto identity = decode_keys(in);
      if (!identity) return Errc::storage_corrupt;
      return identity;
    }
    case Protection::kSealed:
      return open_sealed(in);
  }
  return Errc::storage_corrupt;
}

base::Result<Identity> KeyVault::open_sealed(base::Reader& in) {
  const auto passes = in.u32be();
  const auto memory_kib = in.u32be();
  const auto salt = in.fixed<std::tuple_size_v<crypto::PassphraseSalt>>();
  const auto nonce = in.fixed<std::tuple_size_v<crypto::BoxNonce>>();
  if (!passes || !memory_kib || !salt || !nonce) return Errc::storage_corrupt;
  if (passphrase_.empty()) return Errc::storage_wrong_passphrase;
  if (*passes > crypto::kMaxPassphraseCost.passes ||
      *memory_kib > crypto::kMaxPassphraseCost.memory_kib) {
    return Errc::storage_corrupt;
  }
  MIX_CHECK(derive(*salt, {.passes = *passes, .memory_kib = *memory_kib}));
  auto keys = crypto::open_box(derived_->key, *nonce, in.rest());
  if (!keys) {
    derived_.reset();
    return Errc::storage_wrong_passphrase;
  }
  auto identity = decode_keys(base::Reader(*keys));
  crypto::wipe(*keys);
  if (!identity) return Errc::storage_corrupt;
  return identity;
}

base::Result<base::Bytes> KeyVault::seal(const Identity& identity, base::Rng& rng) {
  base::Writer out;
  out.bytes(base::as_bytes(kMagic)).u8(kVersion);
  base::Bytes keys = encode_keys(identity);
  if (passphrase_.empty()) {
    out.u8(static_cast<std::uint8_t>(Protection::kPlain)).bytes(keys);
  } else {
    if (!derived_) MIX_CHECK(derive(rng.bytes<std::tuple_size_v<crypto::PassphraseSalt>>(), cost_));
    const auto nonce = rng.bytes<std::tuple_size_v<crypto::BoxNonce>>();
    out.u8(static_cast<std::uint8_t>(Protection::kSealed));
    out.u32be(derived_->cost.passes).u32be(derived_->cost.memory_kib);
    out.bytes(derived_->salt).bytes(nonce);
    out.bytes(crypto::seal_box(derived_->key, nonce, keys));
  }
  crypto::wipe(keys);
  crypto::Digest digest{};
  out.bytes(checksum_of(out.view(), digest));
  return out.take();
}

base::Result<void> KeyVault::derive(const crypto::PassphraseSalt& salt,
                                    const crypto::PassphraseCost& cost) {
  auto key = crypto::derive_box_key(passphrase_, salt, cost);
  if (!key) return Errc::storage_failed;
  derived_ = Derived{cost, salt, *std::move(key)};
  return {};
}

}  // namespace mix::tunnel
