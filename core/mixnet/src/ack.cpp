#include "mix/mixnet/ack.h"

#include <algorithm>

namespace mix::mixnet {

AckContent seal_ack(const crypto::AesKey128& key, const crypto::AesBlock& iv,
                    const FragmentId& id) {
  static_assert(std::tuple_size_v<crypto::AesBlock> == kAckIvSize);
  auto sealed = id.encode();
  crypto::aes128_ctr_xor(key.reveal(), iv, sealed);
  AckContent content{};
  std::ranges::copy(sealed, std::ranges::copy(iv, content.begin()).out);
  return content;
}

AckContent seal_ack(const crypto::AesKey128& key, const FragmentId& id, base::Rng& rng) {
  return seal_ack(key, rng.bytes<kAckIvSize>(), id);
}

base::Result<FragmentId> open_ack(const crypto::AesKey128& key, base::ByteView content) {
  base::Reader in(content);
  auto iv = in.fixed<kAckIvSize>();
  auto sealed = in.fixed<kFragmentIdSize>();
  if (!iv || !sealed || !in.empty()) return base::Errc::mixnet_bad_ack;
  crypto::aes128_ctr_xor(key.reveal(), *iv, *sealed);
  base::Reader id(*sealed);
  return FragmentId::decode(id);
}

}  // namespace mix::mixnet
