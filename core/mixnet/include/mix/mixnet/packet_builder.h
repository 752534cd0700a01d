// Builds Sphinx packets from fragments: route, delays, SURB-ACK, encryption, rotation. The one
// place of this rung that knows the topology. spec: messages §7 to §10.3, §13.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mix/base/rng.h"
#include "mix/crypto/fixed_base.h"
#include "mix/directory/topology.h"
#include "mix/mixnet/address.h"
#include "mix/mixnet/config.h"
#include "mix/mixnet/fragment.h"
#include "mix/mixnet/headers_ahead.h"
#include "mix/mixnet/mix_packet.h"
#include "mix/mixnet/reply_surb.h"
#include "mix/mixnet/typed_message.h"

namespace mix::mixnet {

/// A packet that is ready for the gateway.
struct PreparedPacket {
  MixPacket packet;
  /// Sum of the delays of the mixes, there and back by the ack.
  base::Duration expected_delay{};
};

class PacketBuilder {
 public:
  /// `keys` and `rng` must outlive the builder. `gateway` is the client's own.
  PacketBuilder(const TrafficConfig& config, const ClientKeys& keys,
                const crypto::Ed25519PublicKey& gateway, base::Rng& rng);

  /// Null: nothing can be built.
  void set_topology(std::shared_ptr<const directory::Topology> topology);
  /// A topology is there and knows the own gateway, without which no ack comes back.
  [[nodiscard]] bool ready() const { return usable_; }
  [[nodiscard]] std::uint32_t rotation_id() const;
  [[nodiscard]] Recipient address() const;

  [[nodiscard]] sphinx::Version version() const;
  [[nodiscard]] SurbListVersion list_version() const;
  /// Bytes of one reply SURB of ours.
  [[nodiscard]] std::size_t reply_surb_size() const;

  /// All of them answer `mixnet_no_topology` when not `ready()`, and `directory_unknown_node`
  /// when the recipient's gateway is not in the topology.
  [[nodiscard]] base::Result<PreparedPacket> build(base::ByteView fragment, const FragmentId& id,
                                                   const Recipient& to, sphinx::PacketSize size);
  /// The SURB is moved from only on success.
  [[nodiscard]] base::Result<PreparedPacket> build_reply(base::ByteView fragment,
                                                         const FragmentId& id, ReplySurb& surb,
                                                         sphinx::PacketSize size);
  /// A loop cover packet: to oneself, indistinguishable from `build`.
  [[nodiscard]] base::Result<PreparedPacket> build_cover(sphinx::PacketSize size);
  /// A reply SURB that leads here.
  [[nodiscard]] base::Result<ReplySurb> build_reply_surb();

  /// How much is built ahead for the packets to come (see HeadersAhead::set_size). The packets are
  /// the same either way: routes and delays are drawn afresh for each header.
  void set_headers_ahead(std::size_t size) { ahead_.set_size(size); }
  [[nodiscard]] bool wants_headers() const { return usable_ && ahead_.wants_more(); }
  /// Builds up to so many parts.
  void build_ahead(std::size_t count);
  /// Parts that are ready.
  [[nodiscard]] std::size_t headers_ahead() const { return ahead_.size(); }

 private:
  struct Route {
    std::vector<sphinx::Hop> hops;
    base::Duration delay{};  // of the mixes, without the last node
  };
  struct SurbAck {
    base::Bytes bytes;  // 405
    base::Duration delay{};
  };

  [[nodiscard]] base::Result<Route> make_route(const crypto::Ed25519PublicKey& egress,
                                               base::Duration mean_delay);
  [[nodiscard]] base::Result<SurbAck> make_surb_ack(const FragmentId& id);
  [[nodiscard]] base::Result<ReadyHeader> make_header(const Recipient& to,
                                                      base::Duration mean_delay);
  /// From the stock if there is one left. `to` counts for `kPeer` only.
  [[nodiscard]] base::Result<ReadyHeader> take_header(HeadersAhead::Part part, const Recipient& to);
  [[nodiscard]] FragmentSeal take_seal(HeadersAhead::Part part, const Recipient& to);
  /// SURB-ACK || sealed fragment, wrapped.
  [[nodiscard]] base::Result<PreparedPacket> wrap(const SurbAck& ack, base::ByteView body,
                                                  ReadyHeader header, sphinx::PacketSize size);

  TrafficConfig config_;
  const ClientKeys& keys_;
  crypto::Ed25519PublicKey gateway_;
  base::Rng& rng_;
  std::shared_ptr<const directory::Topology> topology_;
  bool usable_ = false;
  /// Of the nodes', the recipients' and the own keys. They outlive topologies, as most keys do.
  crypto::PointTables tables_;
  HeadersAhead ahead_;
};

}  // namespace mix::mixnet
