// What a message between clients says, before padding and fragments: plain data, data of an
// anonymous sender with reply SURBs, or a reply. spec: messages §3.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/mixnet/address.h"
#include "mix/mixnet/reply_surb.h"

namespace mix::mixnet {

/// Type 0: data that cannot be answered.
struct PlainMessage {
  base::Bytes data;
};

/// Which form a list of reply SURBs has: v1 goes with Sphinx 258, v2 with 259.
enum class SurbListVersion : std::uint8_t { kV1 = 1, kV2 = 2 };

/// Type 1: from an anonymous sender, with SURBs for answers.
struct RepliableMessage {
  enum class Content : std::uint8_t { kData, kAdditionalSurbs, kHeartbeat };

  SenderTag sender;
  Content content = Content::kData;
  SurbListVersion list = SurbListVersion::kV2;
  /// All of one route length; in a list of version 2 also of one rotation.
  std::vector<ReplySurb> surbs;
  base::Bytes data;  // kData only
};

/// Type 2, tag 0: an answer by SURBs; at least one byte.
struct ReplyData {
  base::Bytes data;
};

/// Type 2, tag 1: the peer that answers asks for more SURBs, to be sent to `replier`.
struct SurbRequest {
  Recipient replier;
  std::uint32_t amount = 0;
};

using TypedMessage = std::variant<PlainMessage, RepliableMessage, ReplyData, SurbRequest>;

/// Type byte, then the body. Errors: `mixnet_bad_message` (empty reply, SURBs that do not fit one
/// list).
[[nodiscard]] base::Result<base::Bytes> encode(const TypedMessage& message);
/// Accepts both list versions. Bytes after the list of an additional-SURBs or heartbeat message
/// are tolerated. Errors: `mixnet_bad_message`, `mixnet_bad_recipient`, `sphinx_bad_surb`,
/// `sphinx_bad_address`, `base_truncated`, `base_trailing_bytes`.
[[nodiscard]] base::Result<TypedMessage> decode_message(base::ByteView bytes);

/// Bytes that a repliable message takes besides its data. `surb_size` as
/// `ReplySurb::encoded_size`.
[[nodiscard]] std::size_t repliable_overhead(SurbListVersion list, std::size_t num_surbs,
                                             std::size_t surb_size);

}  // namespace mix::mixnet
