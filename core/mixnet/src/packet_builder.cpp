#include "mix/mixnet/packet_builder.h"

#include <utility>

#include "mix/crypto/secret.h"
#include "mix/mixnet/ack.h"
#include "mix/mixnet/fragment_crypto.h"

namespace mix::mixnet {

namespace {

using base::Errc;
using Part = HeadersAhead::Part;

/// The cover's content fills the packet: marker || 01 || zeros. spec: messages §10.3.
base::Bytes cover_content(sphinx::PacketSize size) {
  constexpr std::uint8_t kMark = 1;
  base::Bytes content = base::to_bytes(base::as_bytes(kCoverMarker));
  content.push_back(kMark);
  content.resize(fragment_bytes(size), 0);
  return content;
}

sphinx::Destination destination_of(const crypto::Ed25519PublicKey& identity) {
  return identity.bytes;
}

}  // namespace

PacketBuilder::PacketBuilder(const TrafficConfig& config, const ClientKeys& keys,
                             const crypto::Ed25519PublicKey& gateway, base::Rng& rng)
    : config_(config), keys_(keys), gateway_(gateway), rng_(rng) {}

void PacketBuilder::set_topology(std::shared_ptr<const directory::Topology> topology) {
  topology_ = std::move(topology);
  usable_ = topology_ != nullptr && topology_->find_gateway(gateway_) != nullptr;
  ahead_.clear();
}

std::uint32_t PacketBuilder::rotation_id() const {
  return topology_ == nullptr ? 0 : topology_->metadata().rotation_id;
}

Recipient PacketBuilder::address() const {
  return {keys_.identity.public_key, keys_.encryption.public_key, gateway_};
}

sphinx::Version PacketBuilder::version() const {
  return config_.use_legacy_sphinx_format ? sphinx::Version::kLongKeys : sphinx::Version::kSeeded;
}

SurbListVersion PacketBuilder::list_version() const {
  return config_.use_legacy_sphinx_format ? SurbListVersion::kV1 : SurbListVersion::kV2;
}

std::size_t PacketBuilder::reply_surb_size() const {
  return ReplySurb::encoded_size(version(), kRouteHops);
}

base::Result<PacketBuilder::Route> PacketBuilder::make_route(const crypto::Ed25519PublicKey& egress,
                                                             base::Duration mean_delay) {
  if (!usable_) return Errc::mixnet_no_topology;
  MIX_TRY(const auto nodes, topology_->random_route(egress, rng_));
  Route route;
  route.hops.reserve(nodes.size());
  for (const directory::Node* node : nodes) {
    if (node->ip_addresses.empty()) return Errc::directory_unknown_node;
    MIX_TRY(const auto address,
            sphinx::NodeAddress::parse(node->ip_addresses.front(), node->mix_port));
    const auto derivation =
        node->merged_derivation_safe ? sphinx::Derivation::kMerged : sphinx::Derivation::kChained;
    route.hops.push_back({address, node->sphinx_key, {}, derivation});
  }
  // The last node does not delay.
  for (std::size_t i = 0; i + 1 < route.hops.size(); ++i) {
    route.hops[i].delay = rng_.exponential(mean_delay);
    route.delay += route.hops[i].delay;
  }
  return route;
}

base::Result<ReadyHeader> PacketBuilder::make_header(const Recipient& to,
                                                     base::Duration mean_delay) {
  MIX_TRY(const Route route, make_route(to.gateway, mean_delay));
  MIX_TRY(auto surb, sphinx::Surb::build(sphinx::HeaderSecrets::generate(rng_), route.hops,
                                         destination_of(to.identity), version(), &tables_));
  return ReadyHeader{std::move(surb), route.delay};
}

base::Result<ReadyHeader> PacketBuilder::take_header(Part part, const Recipient& to) {
  if (!usable_) return Errc::mixnet_no_topology;
  if (part != Part::kPeer || ahead_.is_peer(to)) {
    if (auto ready = ahead_.take_header(part)) return *std::move(ready);
  }
  return make_header(to,
                     part == Part::kAck ? config_.average_ack_delay : config_.average_packet_delay);
}

FragmentSeal PacketBuilder::take_seal(Part part, const Recipient& to) {
  if (part != Part::kPeerSeal || ahead_.is_peer(to)) {
    if (auto ready = ahead_.take_seal(part)) return *std::move(ready);
  }
  return FragmentSeal::generate(to.encryption, rng_, tables_);
}

void PacketBuilder::build_ahead(std::size_t count) {
  for (; count > 0 && wants_headers(); --count) {
    const auto part = ahead_.next_part();
    if (!part) return;
    const bool is_for_peer = *part == Part::kPeer || *part == Part::kPeerSeal;
    const Recipient to = is_for_peer ? *ahead_.peer() : address();
    if (*part == Part::kPeerSeal || *part == Part::kOwnSeal) {
      ahead_.put(*part, FragmentSeal::generate(to.encryption, rng_, tables_));
      continue;
    }
    auto header = make_header(
        to, *part == Part::kAck ? config_.average_ack_delay : config_.average_packet_delay);
    if (!header) return ahead_.give_up();
    ahead_.put(*part, *std::move(header));
  }
}

// spec: messages §9, sphinx §11
base::Result<PacketBuilder::SurbAck> PacketBuilder::make_surb_ack(const FragmentId& id) {
  MIX_TRY(ReadyHeader header, take_header(Part::kAck, address()));
  const AckContent content = seal_ack(keys_.ack_key, id, rng_);
  MIX_TRY(const auto packet, std::move(header.surb).use(content, sphinx::PacketSize::kAck));
  MIX_TRY(base::Bytes bytes, sphinx::encode_surb_ack(packet));
  return SurbAck{std::move(bytes), header.delay};
}

base::Result<PreparedPacket> PacketBuilder::wrap(const SurbAck& ack, base::ByteView body,
                                                 ReadyHeader header, sphinx::PacketSize size) {
  base::Writer plaintext(ack.bytes.size() + body.size());
  plaintext.bytes(ack.bytes).bytes(body);
  MIX_TRY(auto routed, std::move(header.surb).use(plaintext.view(), size));
  return PreparedPacket{
      {sphinx::key_rotation_of(rotation_id()), routed.first_hop, std::move(routed.packet)},
      header.delay + ack.delay};
}

base::Result<PreparedPacket> PacketBuilder::build(base::ByteView fragment, const FragmentId& id,
                                                  const Recipient& to, sphinx::PacketSize size) {
  ahead_.note_use(to);
  MIX_TRY(const SurbAck ack, make_surb_ack(id));
  MIX_TRY(ReadyHeader header, take_header(Part::kPeer, to));
  return wrap(ack, seal_fragment(fragment, take_seal(Part::kPeerSeal, to)), std::move(header),
              size);
}

base::Result<PreparedPacket> PacketBuilder::build_reply(base::ByteView fragment,
                                                        const FragmentId& id, ReplySurb& surb,
                                                        sphinx::PacketSize size) {
  MIX_TRY(const SurbAck ack, make_surb_ack(id));
  base::Writer plaintext(ack.bytes.size() + kKeyPartSize + fragment.size());
  plaintext.bytes(ack.bytes).bytes(seal_reply_fragment(fragment, surb.key));
  if (plaintext.size() > sphinx::plaintext_bytes(size)) return Errc::sphinx_message_too_long;
  MIX_TRY(auto routed, std::move(surb.surb).use(plaintext.view(), size));
  // The delays inside the SURB are its creator's secret: their mean is the best guess.
  constexpr int kMixes = static_cast<int>(kRouteHops) - 1;
  return PreparedPacket{{surb.rotation, routed.first_hop, std::move(routed.packet)},
                        kMixes * config_.average_packet_delay + ack.delay};
}

base::Result<PreparedPacket> PacketBuilder::build_cover(sphinx::PacketSize size) {
  MIX_TRY(const SurbAck ack, make_surb_ack(FragmentId{}));
  MIX_TRY(ReadyHeader header, take_header(Part::kOwn, address()));
  return wrap(ack, seal_fragment(cover_content(size), take_seal(Part::kOwnSeal, address())),
              std::move(header), size);
}

base::Result<ReplySurb> PacketBuilder::build_reply_surb() {
  MIX_TRY(ReadyHeader header, take_header(Part::kOwn, address()));
  return ReplySurb{FragmentKey{rng_.bytes<kReplyKeySize>()}, std::move(header.surb),
                   sphinx::key_rotation_of(rotation_id())};
}

}  // namespace mix::mixnet
