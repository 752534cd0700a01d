#include "mix/crypto/passphrase.h"

#include <sodium.h>

namespace mix::crypto {
namespace {

constexpr std::size_t kKib = 1024;

static_assert(BoxKey::kSize == crypto_secretbox_KEYBYTES);
static_assert(sizeof(BoxNonce) == crypto_secretbox_NONCEBYTES);
static_assert(sizeof(PassphraseSalt) == crypto_pwhash_argon2id_SALTBYTES);
static_assert(kBoxTagSize == crypto_secretbox_MACBYTES);

}  // namespace

base::Result<BoxKey> derive_box_key(base::ByteView passphrase, const PassphraseSalt& salt,
                                    const PassphraseCost& cost) {
  if (cost.passes > kMaxPassphraseCost.passes || cost.memory_kib > kMaxPassphraseCost.memory_kib) {
    return base::Errc::crypto_bad_key;
  }
  BoxKey key;
  const base::MutByteView out = key.reveal_mut();
  const std::string_view text = base::as_text(passphrase);
  const int result = crypto_pwhash_argon2id(out.data(), out.size(), text.data(), text.size(),
                                            salt.data(), cost.passes, cost.memory_kib * kKib,
                                            crypto_pwhash_argon2id_ALG_ARGON2ID13);
  if (result != 0) return base::Errc::crypto_bad_key;
  return key;
}

base::Bytes seal_box(const BoxKey& key, const BoxNonce& nonce, base::ByteView plaintext) {
  base::Bytes box(kBoxTagSize + plaintext.size());
  crypto_secretbox_easy(box.data(), plaintext.data(), plaintext.size(), nonce.data(),
                        key.reveal().data());
  return box;
}

base::Result<base::Bytes> open_box(const BoxKey& key, const BoxNonce& nonce, base::ByteView box) {
  if (box.size() < kBoxTagSize) return base::Errc::crypto_bad_ciphertext;
  base::Bytes plaintext(box.size() - kBoxTagSize);
  const int result = crypto_secretbox_open_easy(plaintext.data(), box.data(), box.size(),
                                                nonce.data(), key.reveal().data());
  if (result != 0) return base::Errc::crypto_bad_ciphertext;
  return plaintext;
}

}  // namespace mix::crypto
