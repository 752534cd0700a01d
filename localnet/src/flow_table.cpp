#include "flow_table.h"

#include <algorithm>

namespace mix::localnet {

using base::Bytes;
using base::ByteView;

namespace {

constexpr std::size_t kMaxFragmentedDatagrams = 64;
// Offsets of fields.
constexpr std::size_t kIpv4ChecksumAt = 10, kIpv4SourceAt = 12, kIpv4DestinationAt = 16;
constexpr std::size_t kIpv6SourceAt = 8, kIpv6DestinationAt = 24;
constexpr std::size_t kTcpChecksumAt = 16, kUdpChecksumAt = 6, kIcmpChecksumAt = 2;
constexpr std::size_t kSourcePortAt = 0, kDestinationPortAt = 2, kIcmpIdAt = 4;
constexpr std::size_t kIcmpErrorHeaderSize = 8;
constexpr std::uint8_t kIcmp6Protocol = 58;

std::uint16_t get_u16(const Bytes& bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes.at(at) << 8 | bytes.at(at + 1));
}

void put_u16(Bytes& bytes, std::size_t at, std::uint16_t value) {
  bytes.at(at) = static_cast<std::uint8_t>(value >> 8);
  bytes.at(at + 1) = static_cast<std::uint8_t>(value);
}

/// Replaces fields of a packet and keeps the sums of what changed.
class Rewriter {
 public:
  /// `base` is where the IP header begins; a quoted packet may end before its checksum.
  Rewriter(Bytes& bytes, std::size_t base, const IpPacket& packet)
      : bytes_(bytes), base_(base), packet_(packet) {}

  void source(const IpAddress& address) {
    replace_address(is_v4() ? kIpv4SourceAt : kIpv6SourceAt, address);
  }
  void destination(const IpAddress& address) {
    replace_address(is_v4() ? kIpv4DestinationAt : kIpv6DestinationAt, address);
  }
  void source_port(std::uint16_t port) {
    if (packet_.transport == Transport::kIcmp) return;  // one identifier for both
    replace_port(kSourcePortAt, port);
  }
  void destination_port(std::uint16_t port) {
    if (packet_.transport == Transport::kIcmp) return;
    replace_port(kDestinationPortAt, port);
  }
  void echo_id(std::uint16_t id) {
    if (packet_.transport == Transport::kIcmp) replace_port(kIcmpIdAt, id);
  }

  void finish() {
    if (is_v4()) adjust(base_ + kIpv4ChecksumAt, address_change_);
    if (packet_.later_fragment) return;
    const std::size_t transport = base_ + packet_.transport_at;
    switch (packet_.transport) {
      case Transport::kTcp:
        adjust(transport + kTcpChecksumAt, address_change_ + port_change_);
        break;
      case Transport::kUdp: {
        const std::size_t at = transport + kUdpChecksumAt;
        // Zero means that the sender made none; a computed zero is written as all ones.
        if (at + 2 > bytes_.size() || get_u16(bytes_, at) == 0) break;
        adjust(at, address_change_ + port_change_);
        if (get_u16(bytes_, at) == 0) put_u16(bytes_, at, 0xffff);
        break;
      }
      case Transport::kIcmp:
        adjust(transport + kIcmpChecksumAt,
               is_v4() ? port_change_ : address_change_ + port_change_);
        break;
      case Transport::kOther:
        break;
    }
  }

 private:
  bool is_v4() const { return packet_.source.family == Family::kV4; }

  void replace_address(std::size_t offset, const IpAddress& address) {
    const ByteView view = address.view();
    for (std::size_t at = 0; at < view.size(); at += 2) {
      const auto word = static_cast<std::uint16_t>(view[at] << 8 | view[at + 1]);
      address_change_ += replace(base_ + offset + at, word);
    }
  }
  void replace_port(std::size_t offset, std::uint16_t value) {
    port_change_ += replace(base_ + packet_.transport_at + offset, value);
  }
  std::uint32_t replace(std::size_t at, std::uint16_t value) {
    const std::uint16_t old = get_u16(bytes_, at);
    put_u16(bytes_, at, value);
    return static_cast<std::uint16_t>(~old) + std::uint32_t{value};
  }
  void adjust(std::size_t at, std::uint32_t change) {
    if (at + 2 > bytes_.size()) return;
    std::uint32_t sum = static_cast<std::uint16_t>(~get_u16(bytes_, at)) + change;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    put_u16(bytes_, at, static_cast<std::uint16_t>(~sum));
  }

  Bytes& bytes_;
  const std::size_t base_;
  const IpPacket& packet_;
  std::uint32_t address_change_ = 0, port_change_ = 0;
};

bool has_flow(const IpPacket& packet) {
  return packet.transport == Transport::kTcp || packet.transport == Transport::kUdp ||
         is_icmp_echo(packet);
}

/// ICMP has no port at its destination.
IpEndpoint destination_of(const IpPacket& packet) {
  return {packet.destination,
          packet.transport == Transport::kIcmp ? std::uint16_t{0} : packet.destination_port};
}

}  // namespace

std::optional<IpAddress> FlowTable::translate_out(Bytes& bytes) {
  const auto packet = parse_ip_packet(bytes);
  if (!packet) return std::nullopt;
  if (map_.empty() || packet->later_fragment || !has_flow(*packet)) return packet->destination;
  const Flow& flow = flow_of(*packet);
  Rewriter rewriter{bytes, 0, *packet};
  rewriter.destination(flow.target.address);
  rewriter.destination_port(flow.target.port);
  rewriter.source_port(flow.port);
  rewriter.echo_id(flow.port);
  rewriter.finish();
  return flow.target.address;
}

void FlowTable::translate_in(Bytes& bytes) {
  if (map_.empty()) return;
  const auto packet = parse_ip_packet(bytes);
  if (!packet) return;
  if (packet->later_fragment) {
    const auto found = fragments_.find(packet->fragment_id);
    if (found == fragments_.end()) return;
    Rewriter rewriter{bytes, 0, *packet};
    rewriter.source(found->second);
    rewriter.finish();
    return;
  }
  if (is_icmp_error(*packet)) {
    translate_quoted(bytes, *packet);
    return;
  }
  if (!has_flow(*packet)) return;
  const bool icmp = packet->transport == Transport::kIcmp;
  const IpEndpoint peer{packet->source, icmp ? std::uint16_t{0} : packet->source_port};
  const Flow* flow = find_reverse(packet->transport, packet->destination_port, peer);
  if (flow == nullptr) return;
  Rewriter rewriter{bytes, 0, *packet};
  rewriter.source(flow->written.address);
  rewriter.source_port(flow->written.port);
  rewriter.destination_port(flow->client_port);
  rewriter.echo_id(flow->client_port);
  rewriter.finish();
  if (packet->more_fragments) {
    if (fragments_.size() >= kMaxFragmentedDatagrams) fragments_.clear();
    fragments_[packet->fragment_id] = flow->written.address;
  }
}

void FlowTable::translate_quoted(Bytes& bytes, const IpPacket& error) {
  const std::size_t quoted_at = error.transport_at + kIcmpErrorHeaderSize;
  if (quoted_at >= error.size) return;
  const auto quoted =
      parse_quoted_packet(ByteView{bytes}.subspan(quoted_at, error.size - quoted_at));
  if (!quoted || quoted->later_fragment || !has_flow(*quoted)) return;
  const Flow* flow = find_reverse(quoted->transport, quoted->source_port, destination_of(*quoted));
  if (flow == nullptr) return;
  Rewriter inner{bytes, quoted_at, *quoted};
  inner.destination(flow->written.address);
  inner.destination_port(flow->written.port);
  inner.source_port(flow->client_port);
  inner.echo_id(flow->client_port);
  inner.finish();
  // The error seems to come from the destination itself; slirp's own address means nothing here.
  Rewriter outer{bytes, 0, error};
  outer.source(flow->written.address);
  outer.finish();
  const std::size_t sum_at = error.transport_at + kIcmpChecksumAt;
  put_u16(bytes, sum_at, 0);
  const ByteView icmp =
      ByteView{bytes}.subspan(error.transport_at, error.size - error.transport_at);
  const bool v6 = error.source.family == Family::kV6;
  put_u16(bytes, sum_at,
          checksum(icmp, v6 ? pseudo_header_sum(flow->written.address, error.destination,
                                                kIcmp6Protocol, icmp.size())
                            : 0));
}

const FlowTable::Flow& FlowTable::flow_of(const IpPacket& packet) {
  const IpEndpoint written = destination_of(packet);
  const Key key{packet.transport, packet.source_port, written};
  if (const auto found = by_written_.find(key); found != by_written_.end()) {
    flows_.splice(flows_.end(), flows_, found->second);
    return *found->second;
  }
  if (flows_.size() >= max_flows_) {
    const Flow& oldest = flows_.front();
    by_written_.erase({oldest.transport, oldest.client_port, oldest.written});
    by_target_.erase({oldest.transport, oldest.port, oldest.target});
    flows_.pop_front();
  }
  // Two destinations may have one target: then the second flow needs a port of its own.
  const IpEndpoint target = map_.find(written).value_or(written);
  std::uint16_t port = packet.source_port;
  while (by_target_.contains({packet.transport, port, target})) {
    port = port == 65535 ? std::uint16_t{1024} : static_cast<std::uint16_t>(port + 1);
  }
  flows_.push_back({packet.transport, packet.source_port, written, port, target});
  const auto at = std::prev(flows_.end());
  by_written_[key] = at;
  by_target_[{packet.transport, port, target}] = at;
  return *at;
}

const FlowTable::Flow* FlowTable::find_reverse(Transport transport, std::uint16_t port,
                                               const IpEndpoint& target) {
  const auto found = by_target_.find({transport, port, target});
  if (found == by_target_.end()) return nullptr;
  flows_.splice(flows_.end(), flows_, found->second);
  return &*found->second;
}

}  // namespace mix::localnet
