// Packet processing of a node. spec: gateway §10.2 to §10.4, sphinx §9.
#include "mix/localnet/node_core.h"

#include <algorithm>
#include <utility>

#include "mix/localnet/constants.h"

namespace mix::localnet {
namespace {

base::Bytes encoded(const sphinx::NodeAddress& address) {
  base::Writer writer;
  address.encode(writer);
  return writer.take();
}

}  // namespace

void AddressBook::add(const sphinx::NodeAddress& address) { known_.insert(encoded(address)); }
void AddressBook::remove(const sphinx::NodeAddress& address) { known_.erase(encoded(address)); }
bool AddressBook::contains(const sphinx::NodeAddress& address) const {
  return known_.contains(encoded(address));
}

const char* drop_reason_name(DropReason reason) {
  switch (reason) {
    case DropReason::kExpiredKey:
      return "expired_key";
    case DropReason::kBadPacket:
      return "bad_packet";
    case DropReason::kBadPayload:
      return "bad_payload";
    case DropReason::kReplay:
      return "replay";
    case DropReason::kWrongMode:
      return "wrong_mode";
    case DropReason::kBadAck:
      return "bad_ack";
    case DropReason::kUnknownAddress:
      return "unknown_address";
    case DropReason::kOverflow:
      return "overflow";
    case DropReason::kFault:
      return "fault";
    case DropReason::kDead:
      return "dead";
  }
  return "unknown";
}

base::Result<SplitBody> split_surb_ack(base::ByteView plaintext) {
  base::Reader reader(plaintext);
  MIX_TRY(const base::ByteView address, reader.bytes(kAckAddressSize));
  MIX_TRY(const base::ByteView packet, reader.bytes(kAckPacketSize));
  MIX_TRY(const sphinx::NodeAddress first_hop, sphinx::NodeAddress::decode_padded(address));
  return SplitBody{first_hop, base::to_bytes(packet), base::to_bytes(reader.rest())};
}

NodeCore::NodeCore(const NodeCoreConfig& config, NodeKeys keys)
    : config_(config), keys_(std::move(keys)) {}

base::Result<sphinx::Unwrapped> NodeCore::unwrap(const sphinx::Frame& frame,
                                                 const RotationKey*& used) const {
  // `used` is not null: the caller has looked it up.
  auto unwrapped = sphinx::unwrap(frame.packet, used->keys.secret);
  const auto& other = keys_.secondary();
  if (frame.rotation == sphinx::KeyRotation::kUnknown && other && !unwrapped.has_value() &&
      unwrapped.error().code == base::Errc::sphinx_bad_mac) {
    used = &*other;
    return sphinx::unwrap(frame.packet, used->keys.secret);
  }
  return unwrapped;
}

NodeAction NodeCore::process(const sphinx::Frame& frame) {
  const RotationKey* key = keys_.find(frame.rotation);
  if (key == nullptr) return DropAction{DropReason::kExpiredKey};
  auto unwrapped = unwrap(frame, key);
  if (!unwrapped.has_value()) return DropAction{DropReason::kBadPacket};
  if (replay_filters_[key->rotation].insert(unwrapped->replay_tag) == ReplayFilter::Seen::kBefore) {
    return DropAction{DropReason::kReplay};
  }
  if (auto* forward = std::get_if<sphinx::ForwardHop>(&unwrapped->hop)) {
    if (config_.mode != NodeMode::kMixnode) return DropAction{DropReason::kWrongMode};
    // A delay is an unsigned number on the wire: what does not fit became negative.
    const base::Duration delay = forward->delay < base::Duration::zero()
                                     ? config_.max_delay
                                     : std::min(forward->delay, config_.max_delay);
    return ForwardAction{forward->next, frame.rotation, delay, std::move(forward->packet)};
  }
  if (config_.mode != NodeMode::kGateway) return DropAction{DropReason::kWrongMode};
  return last_hop(frame, std::get<sphinx::FinalHop>(unwrapped->hop));
}

NodeAction NodeCore::last_hop(const sphinx::Frame& frame, const sphinx::FinalHop& hop) const {
  auto plaintext = hop.recover_plaintext();
  if (!plaintext.has_value()) return DropAction{DropReason::kBadPayload};
  if (frame.size == sphinx::PacketSize::kAck) {
    return DeliverAction{hop.destination, *std::move(plaintext), std::nullopt};
  }
  auto split = split_surb_ack(*plaintext);
  if (!split.has_value()) return DropAction{DropReason::kBadAck};
  return DeliverAction{hop.destination, std::move(split->body),
                       ForwardAction{split->ack_first_hop, frame.rotation, base::Duration::zero(),
                                     std::move(split->ack_packet)}};
}

void NodeCore::update_epoch(const Epoch& epoch, base::Rng& rng) {
  keys_.update(epoch, rng);
  std::erase_if(replay_filters_, [this](const auto& filter) { return !keys_.holds(filter.first); });
}

std::size_t NodeCore::replay_tags() const {
  std::size_t count = 0;
  for (const auto& [rotation, filter] : replay_filters_) count += filter.size();
  return count;
}

}  // namespace mix::localnet
