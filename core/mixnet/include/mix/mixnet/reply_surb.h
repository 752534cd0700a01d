// A reply SURB: a Sphinx SURB with the key that will encrypt the one fragment it carries.
// spec: messages §3.2, sphinx §10.
#pragma once

#include <span>

#include "mix/mixnet/fragment_crypto.h"
#include "mix/sphinx/frame.h"
#include "mix/sphinx/surb.h"

namespace mix::mixnet {

/// Move-only, like the SURB inside.
struct ReplySurb {
  FragmentKey key;
  sphinx::Surb surb;
  /// Rotation of the topology it was built with; unknown in lists of version 1.
  sphinx::KeyRotation rotation = sphinx::KeyRotation::kUnknown;

  /// key || SURB. The rotation is not part of it.
  void encode(base::Writer& out) const;
  [[nodiscard]] std::size_t encoded_size() const;
  /// Takes the whole of `bytes`. Errors: `sphinx_bad_surb`, `sphinx_bad_address`,
  /// `base_truncated`.
  [[nodiscard]] static base::Result<ReplySurb> decode(base::ByteView bytes,
                                                      sphinx::KeyRotation rotation);
  /// Bytes with 4 hops: 1164 (long keys) or 460 (seeds); other routes differ.
  [[nodiscard]] static std::size_t encoded_size(sphinx::Version version, std::size_t hops);
};

}  // namespace mix::mixnet
