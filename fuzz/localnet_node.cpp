// Packets of strangers at a node of the local mixnet: a stream of frames, and packets built well
// for it with what the input changes.
#include "mix/localnet/node_core.h"
#include "support/target.h"

using namespace mix;

namespace {

const crypto::X25519KeyPair& pair() {
  static fuzz::FixedRng rng;
  static const auto keys = crypto::X25519KeyPair::generate(rng);
  return keys;
}

localnet::NodeCore node(localnet::NodeMode mode) {
  return {localnet::NodeCoreConfig{mode},
          localnet::NodeKeys(
              localnet::RotationKey{4, crypto::X25519KeyPair::from_secret(pair().secret.clone())})};
}

void process(localnet::NodeCore& core, const sphinx::Frame& frame) {
  const auto action = core.process(frame);
  if (const auto* forward = std::get_if<localnet::ForwardAction>(&action)) {
    fuzz::require(forward->delay <= std::chrono::seconds{10}, "a packet is held for too long");
    fuzz::require(forward->packet.size() == frame.packet.size(), "a packet changed its size");
  }
  if (const auto* deliver = std::get_if<localnet::DeliverAction>(&action)) {
    fuzz::require(deliver->body.size() < frame.packet.size(), "a body grew");
  }
  const auto again = core.process(frame);
  fuzz::require(std::holds_alternative<localnet::DropAction>(again), "a packet passes twice");
}

/// For this node alone, around a message of the input's.
base::Bytes packet_for_us(fuzz::Parts& parts) {
  fuzz::FixedRng rng;
  const std::vector<sphinx::Hop> route(
      1 + parts.u8() % 2U,
      sphinx::Hop{{}, pair().public_key, std::chrono::milliseconds{parts.u16()}});
  const auto header = sphinx::build_header(
      sphinx::HeaderSecrets::generate(rng), route, {}, {},
      parts.u8() % 2 == 0 ? sphinx::Version::kSeeded : sphinx::Version::kLongKeys);
  if (!header) return {};
  auto packet = sphinx::build_packet(*header, parts.part(), sphinx::PacketSize::kRegular);
  if (!packet) return {};
  while (!parts.empty()) {
    const std::size_t at = parts.u16() % packet->size();
    (*packet)[at] ^= parts.u8();
  }
  return *std::move(packet);
}

}  // namespace

MIX_FUZZ(localnet_node) {
  fuzz::Parts parts(input);
  const std::uint8_t how = parts.u8();
  auto core = node((how & 1) != 0 ? localnet::NodeMode::kGateway : localnet::NodeMode::kMixnode);
  if ((how & 2) != 0) {
    base::Bytes packet = packet_for_us(parts);
    if (packet.empty()) return;
    sphinx::Frame frame;
    frame.packet = std::move(packet);
    process(core, frame);
    return;
  }
  if ((how & 4) != 0) {
    const base::ByteView plaintext = parts.rest();
    if (const auto split = localnet::split_surb_ack(plaintext)) {
      fuzz::require(split->ack_packet.size() + split->body.size() < plaintext.size(),
                    "a plaintext grew");
    }
    return;
  }
  sphinx::FrameDecoder decoder;
  while (!parts.empty()) {
    const base::ByteView bytes = parts.part();
    // Long packets from short inputs: what is missing is zero.
    base::Bytes padded = base::to_bytes(bytes);
    if ((how & 8) != 0) padded.resize(sphinx::packet_bytes(sphinx::PacketSize::kAck) + 4);
    decoder.receive(padded);
    while (true) {
      const auto frame = decoder.next();
      if (!frame) return;
      if (!*frame) break;
      process(core, **frame);
    }
  }
}
