#include "mix/mixnet/reply_surb.h"

#include <utility>

namespace mix::mixnet {

void ReplySurb::encode(base::Writer& out) const {
  out.bytes(key.reveal());
  surb.encode(out);
}

std::size_t ReplySurb::encoded_size() const { return kReplyKeySize + surb.encoded_size(); }

base::Result<ReplySurb> ReplySurb::decode(base::ByteView bytes, sphinx::KeyRotation rotation) {
  base::Reader in(bytes);
  MIX_TRY(const base::ByteView key, in.bytes(kReplyKeySize));
  MIX_TRY(sphinx::Surb surb, sphinx::Surb::decode(in.rest()));
  return ReplySurb{FragmentKey::from(key), std::move(surb), rotation};
}

std::size_t ReplySurb::encoded_size(sphinx::Version version, std::size_t hops) {
  return kReplyKeySize + sphinx::Surb::encoded_size(version, hops);
}

}  // namespace mix::mixnet
