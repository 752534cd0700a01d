// Destination NAT in front of slirp: where the address map says so, packets get another
// destination, and what comes back gets the old one again. Checksums are adjusted, not recomputed
// (RFC 1624). One table per session.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>

#include "ip_packet.h"
#include "mix/localnet/address_map.h"

namespace mix::localnet {

class FlowTable {
 public:
  /// `map` must outlive the table.
  FlowTable(const AddressMap& map, std::size_t max_flows) : map_(map), max_flows_(max_flows) {}

  /// Rewrites a packet of the client in place. The destination that it has now; nothing when the
  /// packet is malformed.
  [[nodiscard]] std::optional<IpAddress> translate_out(base::Bytes& packet);
  /// Rewrites a packet for the client, an ICMP error with the packet that it quotes included.
  void translate_in(base::Bytes& packet);
  [[nodiscard]] std::size_t size() const { return flows_.size(); }

 private:
  /// One conversation: the client's port towards one destination.
  struct Flow {
    Transport transport;
    std::uint16_t client_port;  // ICMP echo: its identifier
    IpEndpoint written;         // destination as the client wrote it
    std::uint16_t port;         // the client's port towards the target
    IpEndpoint target;
  };
  using Flows = std::list<Flow>;  // least recently used first
  struct Key {
    Transport transport;
    std::uint16_t client_port;
    IpEndpoint peer;
    friend bool operator<(const Key& a, const Key& b) {
      if (a.transport != b.transport) return a.transport < b.transport;
      if (a.client_port != b.client_port) return a.client_port < b.client_port;
      return a.peer < b.peer;
    }
  };

  const Flow& flow_of(const IpPacket& packet);
  const Flow* find_reverse(Transport transport, std::uint16_t port, const IpEndpoint& target);
  void translate_quoted(base::Bytes& packet, const IpPacket& error);

  const AddressMap& map_;
  const std::size_t max_flows_;
  Flows flows_;
  std::map<Key, Flows::iterator> by_written_, by_target_;
  /// Source address for the later fragments of a datagram, by its identifier. Bounded.
  std::map<std::uint32_t, IpAddress> fragments_;
};

}  // namespace mix::localnet
