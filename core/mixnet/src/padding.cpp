#include "mix/mixnet/padding.h"

#include <algorithm>

#include "mix/crypto/secret.h"
#include "mix/mixnet/constants.h"
#include "mix/mixnet/fragment.h"

namespace mix::mixnet {

namespace {
constexpr std::uint8_t kMark = 1;
}

base::Bytes pad(base::Bytes message, std::size_t fragment_size) {
  const std::size_t marked = message.size() + kPaddingMarkSize;
  base::Bytes padded(marked + plan_split(marked, fragment_size).room);
  std::ranges::copy(message, padded.begin());
  padded[message.size()] = kMark;
  crypto::wipe(message);
  return padded;
}

base::Result<base::ByteView> unpad(base::ByteView padded) {
  for (std::size_t end = padded.size(); end > 0; --end) {
    if (padded[end - 1] == kMark) return padded.first(end - 1);
  }
  return base::Errc::mixnet_bad_message;
}

}  // namespace mix::mixnet
