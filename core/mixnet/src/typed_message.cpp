#include "mix/mixnet/typed_message.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace mix::mixnet {

namespace {

using base::Errc;
using Content = RepliableMessage::Content;

enum class MessageType : std::uint8_t { kPlain = 0, kRepliable = 1, kReply = 2 };
enum class ReplyTag : std::uint8_t { kData = 0, kSurbRequest = 1 };

/// Content tags: 0..2 with lists of version 1, 3..5 with lists of version 2. spec: messages §3.1.
constexpr std::uint8_t kContents = 3;

std::uint8_t content_tag(const RepliableMessage& message) {
  const auto content = static_cast<std::uint8_t>(message.content);
  return message.list == SurbListVersion::kV1 ? content
                                              : static_cast<std::uint8_t>(content + kContents);
}

std::size_t surb_size_v2(std::size_t hops) {
  return ReplySurb::encoded_size(sphinx::Version::kSeeded, hops);
}

base::Result<void> encode_list(base::Writer& out, const RepliableMessage& message) {
  const std::vector<ReplySurb>& surbs = message.surbs;
  const std::size_t size = surbs.empty() ? 0 : surbs.front().encoded_size();
  if (std::ranges::any_of(surbs, [size](const auto& surb) { return surb.encoded_size() != size; }))
    return Errc::mixnet_bad_message;
  if (message.list == SurbListVersion::kV1) {
    if (!surbs.empty() && size != ReplySurb::encoded_size(sphinx::Version::kLongKeys, kRouteHops)) {
      return Errc::mixnet_bad_message;
    }
    out.u32be(static_cast<std::uint32_t>(surbs.size()));
  } else {
    if (surbs.size() > std::numeric_limits<std::uint16_t>::max()) return Errc::mixnet_bad_message;
    std::uint8_t hops = 0;
    auto rotation = sphinx::KeyRotation::kUnknown;
    if (!surbs.empty()) {
      while (hops < sphinx::kMaxHops && surb_size_v2(hops) != size) ++hops;
      if (hops == 0 || surb_size_v2(hops) != size) return Errc::mixnet_bad_message;
      rotation = surbs.front().rotation;
    }
    out.u16be(static_cast<std::uint16_t>(surbs.size())).u8(hops);
    out.u8(static_cast<std::uint8_t>(rotation));
  }
  // At once: growing would leave keys in memory that is given back.
  out.reserve(surbs.size() * size + message.data.size());
  for (const ReplySurb& surb : surbs) surb.encode(out);
  return {};
}

base::Result<std::vector<ReplySurb>> decode_list(base::Reader& in, SurbListVersion version) {
  std::size_t count = 0;
  std::size_t surb_size = 0;
  auto rotation = sphinx::KeyRotation::kUnknown;
  if (version == SurbListVersion::kV1) {
    MIX_TRY(count, in.u32be());
    surb_size = ReplySurb::encoded_size(sphinx::Version::kLongKeys, kRouteHops);
  } else {
    MIX_TRY(count, in.u16be());
    MIX_TRY(const std::uint8_t hops, in.u8());
    MIX_TRY(const std::uint8_t rotation_byte, in.u8());
    // Tolerated: any number of hops with an empty list.
    if (count > 0 && (hops == 0 || hops > sphinx::kMaxHops)) return Errc::mixnet_bad_message;
    auto known = sphinx::key_rotation_from_byte(rotation_byte);
    if (!known) return Errc::mixnet_bad_message;
    rotation = *known;
    surb_size = surb_size_v2(hops);
  }
  // Compared before anything is allocated.
  if (count > in.remaining() / surb_size) return Errc::base_truncated;
  std::vector<ReplySurb> surbs;
  surbs.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    MIX_TRY(const base::ByteView bytes, in.bytes(surb_size));
    MIX_TRY(ReplySurb surb, ReplySurb::decode(bytes, rotation));
    surbs.push_back(std::move(surb));
  }
  return surbs;
}

struct Encoder {
  base::Writer out;

  void type(MessageType type) { out.u8(static_cast<std::uint8_t>(type)); }

  base::Result<void> operator()(const PlainMessage& message) {
    type(MessageType::kPlain);
    out.bytes(message.data);
    return {};
  }
  base::Result<void> operator()(const RepliableMessage& message) {
    type(MessageType::kRepliable);
    out.bytes(message.sender.bytes).u8(content_tag(message));
    MIX_CHECK(encode_list(out, message));
    if (message.content == Content::kData) out.bytes(message.data);
    return {};
  }
  base::Result<void> operator()(const ReplyData& message) {
    if (message.data.empty()) return Errc::mixnet_bad_message;
    type(MessageType::kReply);
    out.u8(static_cast<std::uint8_t>(ReplyTag::kData)).bytes(message.data);
    return {};
  }
  base::Result<void> operator()(const SurbRequest& message) {
    type(MessageType::kReply);
    out.u8(static_cast<std::uint8_t>(ReplyTag::kSurbRequest));
    message.replier.encode(out);
    out.u32be(message.amount);
    return {};
  }
};

base::Result<TypedMessage> decode_repliable(base::Reader& in) {
  RepliableMessage message;
  MIX_TRY(message.sender.bytes, in.fixed<kSenderTagSize>());
  MIX_TRY(const std::uint8_t tag, in.u8());
  if (tag >= 2 * kContents) return Errc::mixnet_bad_message;
  message.list = tag < kContents ? SurbListVersion::kV1 : SurbListVersion::kV2;
  message.content = static_cast<Content>(tag % kContents);
  MIX_TRY(message.surbs, decode_list(in, message.list));
  if (message.content == Content::kData) message.data = base::to_bytes(in.rest());
  return TypedMessage{std::move(message)};
}

base::Result<TypedMessage> decode_reply(base::Reader& in) {
  MIX_TRY(const std::uint8_t tag, in.u8());
  switch (static_cast<ReplyTag>(tag)) {
    case ReplyTag::kData:
      if (in.empty()) return Errc::mixnet_bad_message;
      return TypedMessage{ReplyData{base::to_bytes(in.rest())}};
    case ReplyTag::kSurbRequest: {
      SurbRequest request;
      MIX_TRY(request.replier, Recipient::decode(in));
      MIX_TRY(request.amount, in.u32be());
      MIX_CHECK(in.finish());
      return TypedMessage{request};
    }
  }
  return Errc::mixnet_bad_message;
}

}  // namespace

base::Result<base::Bytes> encode(const TypedMessage& message) {
  Encoder encoder;
  MIX_CHECK(std::visit(encoder, message));
  return encoder.out.take();
}

base::Result<TypedMessage> decode_message(base::ByteView bytes) {
  base::Reader in(bytes);
  MIX_TRY(const std::uint8_t type, in.u8());
  switch (static_cast<MessageType>(type)) {
    case MessageType::kPlain:
      return TypedMessage{PlainMessage{base::to_bytes(in.rest())}};
    case MessageType::kRepliable:
      return decode_repliable(in);
    case MessageType::kReply:
      return decode_reply(in);
  }
  return Errc::mixnet_bad_message;
}

std::size_t repliable_overhead(SurbListVersion list, std::size_t num_surbs, std::size_t surb_size) {
  const std::size_t head = list == SurbListVersion::kV1 ? kSurbListHeadV1Size : kSurbListHeadV2Size;
  return kMessageTypeSize + kSenderTagSize + kContentTagSize + head + num_surbs * surb_size;
}

}  // namespace mix::mixnet
