#include "mix/mixnet/padding.h"

#include "mix/mixnet/constants.h"
#include "mix/mixnet/fragment.h"

namespace mix::mixnet {

namespace {
constexpr std::uint8_t kMark = 1;
}

base::Bytes pad(base::Bytes message, std::size_t fragment_size) {
  const std::size_t marked = message.size() + kPaddingMarkSize;
  const std::size_t padded = marked + plan_split(marked, fragment_size).room;
  message.reserve(padded);
  message.push_back(kMark);
  message.resize(padded, 0);
  return message;
}

base::Result<base::ByteView> unpad(base::ByteView padded) {
  for (std::size_t end = padded.size(); end > 0; --end) {
    if (padded[end - 1] == kMark) return padded.first(end - 1);
  }
  return base::Errc::mixnet_bad_message;
}

}  // namespace mix::mixnet
