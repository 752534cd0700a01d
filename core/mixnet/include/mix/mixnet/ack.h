// Content of an acknowledgement: a fragment identifier that only its sender can read.
// spec: messages §9.
#pragma once

#include <array>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/crypto/cipher.h"
#include "mix/mixnet/constants.h"
#include "mix/mixnet/fragment.h"

namespace mix::mixnet {

using AckContent = std::array<std::uint8_t, kAckContentSize>;

/// iv || AES-128-CTR(key, iv, id). The counter is the low 64 bits of the block.
[[nodiscard]] AckContent seal_ack(const crypto::AesKey128& key, const crypto::AesBlock& iv,
                                  const FragmentId& id);
/// The same with a random iv.
[[nodiscard]] AckContent seal_ack(const crypto::AesKey128& key, const FragmentId& id,
                                  base::Rng& rng);
/// Nothing authenticates an ack: the result may be any identifier.
/// Errors: `mixnet_bad_ack` (not 21 bytes, or a set id with its top bit set).
[[nodiscard]] base::Result<FragmentId> open_ack(const crypto::AesKey128& key,
                                                base::ByteView content);

}  // namespace mix::mixnet
