// Typed messages between clients with their lists of reply SURBs, acknowledgement ids, mix packets.
#include "mix/mixnet/fragment.h"
#include "mix/mixnet/mix_packet.h"
#include "mix/mixnet/typed_message.h"
#include "support/target.h"

using namespace mix;

MIX_FUZZ(messages) {
  if (const auto message = mixnet::decode_message(input)) {
    const auto bytes = mixnet::encode(*message);
    fuzz::require(bytes.has_value(), "a message that was read cannot be written");
    const auto again = mixnet::decode_message(*bytes);
    fuzz::require(again && again->index() == message->index(), "a message changed its kind");
  }
  base::Reader reader(input);
  (void)mixnet::FragmentId::decode(reader);
  for (const auto format : {mixnet::MixPacketFormat::kV1, mixnet::MixPacketFormat::kV2}) {
    (void)mixnet::MixPacket::decode(input, format);
  }
  if (const auto recipient = mixnet::Recipient::parse(base::as_text(input))) {
    fuzz::require(recipient->to_string() == base::as_text(input), "an address has two spellings");
  }
}
