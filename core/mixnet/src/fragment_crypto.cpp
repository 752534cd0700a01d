#include "mix/mixnet/fragment_crypto.h"

#include "mix/crypto/cipher.h"
#include "mix/crypto/hash.h"

namespace mix::mixnet {

namespace {

base::Bytes join(base::ByteView key_part, base::ByteView fragment, const FragmentKey& key) {
  base::Bytes out;
  out.reserve(key_part.size() + fragment.size());
  base::append(out, key_part);
  base::append(out, fragment);
  apply_fragment_key(key, base::MutByteView(out).subspan(key_part.size()));
  return out;
}

}  // namespace

ReplyKeyDigest reply_key_digest(const FragmentKey& key) { return crypto::blake3(key.reveal()); }

FragmentKey derive_fragment_key(const crypto::SharedSecret& dh) {
  FragmentKey key;
  crypto::hkdf_blake3({}, dh.reveal(), {}, key.reveal_mut());
  return key;
}

void apply_fragment_key(const FragmentKey& key, base::MutByteView fragment) {
  crypto::aes128_ctr_xor(key.reveal(), fragment);
}

FragmentSeal FragmentSeal::generate(const crypto::X25519PublicKey& recipient, base::Rng& rng,
                                    crypto::PointTables& tables) {
  crypto::X25519SecretKey ephemeral;
  rng.fill(ephemeral.reveal_mut());
  return {tables.multiply_base(crypto::Scalar::clamped(ephemeral.reveal())),
          derive_fragment_key(tables.x25519(ephemeral, recipient))};
}

base::Bytes seal_fragment(base::ByteView fragment, const FragmentSeal& seal) {
  return join(seal.public_key.view(), fragment, seal.key);
}

base::Bytes seal_reply_fragment(base::ByteView fragment, const FragmentKey& key) {
  return join(reply_key_digest(key), fragment, key);
}

base::Result<base::Bytes> open_fragment(base::ByteView body, const crypto::X25519SecretKey& own) {
  base::Reader in(body);
  crypto::X25519PublicKey ephemeral;
  MIX_TRY(ephemeral.bytes, in.fixed<crypto::X25519PublicKey::kSize>());
  base::Bytes fragment = base::to_bytes(in.rest());
  apply_fragment_key(derive_fragment_key(crypto::x25519(own, ephemeral)), fragment);
  return fragment;
}

}  // namespace mix::mixnet
