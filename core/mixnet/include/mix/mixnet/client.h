// The mixnet client: messages in, Sphinx packets out on a schedule, and back. Owns fragments,
// acknowledgements and retransmission, lanes, cover traffic, reply SURBs of both sides.
// It knows nothing of gateways' sockets: packets leave by poll_output, deliveries come by receive.
// This class only wires the units of this rung:
//
//   send ──> typed_message, padding, fragment ──> AckTracker (owns) ─┬─> Lanes ──┐
//   reply ─> ......................................................─┴─> Replier ┘ │
//   poll_output <── PacketBuilder <── streams (when) <───────────────────────────┘
//   receive ──> ack | ReplyKeys, fragment_crypto ──> Reassembler ──> typed_message ──> events
//
// A queued message holds plain fragments; their packets are built when they leave, with the
// topology of that moment. spec: messages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "mix/base/log.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/directory/topology.h"
#include "mix/mixnet/ack_tracker.h"
#include "mix/mixnet/address.h"
#include "mix/mixnet/config.h"
#include "mix/mixnet/lane.h"
#include "mix/mixnet/mix_packet.h"
#include "mix/mixnet/round_trips.h"

namespace mix::mixnet {

struct SendOptions {
  std::uint32_t reply_surbs = 0;  // > 0 or an anonymous sender: repliable
  bool anonymous = false;         // repliable even with 0 SURBs
  Lane lane;
  std::optional<std::uint32_t> max_retransmissions;  // 0: send once
};

/// A whole message for the application.
struct MessageReceived {
  base::Bytes data;
  std::optional<SenderTag> sender;  // set for repliable messages
  bool is_reply = false;            // an answer to a repliable message
  /// Whose SURB carried it (its last packet): nobody else can have sent that packet.
  std::optional<Recipient> replier = std::nullopt;
};
/// Every fragment of the message was acknowledged.
struct MessageDelivered {
  MessageId id;
};
/// A fragment was given up: `mixnet_undelivered` (retransmission limit, or ten minutes in a lane
/// that did not move), `mixnet_no_surbs`, `directory_unknown_node` (no such gateway). The other
/// fragments are still sent; told once per message.
struct MessageLost {
  MessageId id;
  base::Error error;
};
/// The exit (or another peer) asked for SURBs, which will be sent; for supply estimates.
struct SurbsRequested {
  Recipient by;
  std::uint32_t amount;  // after the cap
};
using ClientEvent = std::variant<MessageReceived, MessageDelivered, MessageLost, SurbsRequested>;

/// Counters since construction, and sizes now.
struct ClientStats {
  std::uint64_t sent_real = 0, sent_cover = 0, sent_loop = 0, received = 0, received_acks = 0;
  std::uint64_t packets_received = 0;  // packet bodies, cover included, acks not
  std::uint64_t received_cover = 0;
  std::uint64_t sent_acks = 0;  // SURB-ACKs that left: one in every packet, cover included
  std::uint64_t retransmitted = 0, lost = 0, duplicates = 0, undecodable = 0;
  /// Our SURBs: made for others, asked for by them, used by them.
  std::uint64_t surbs_sent = 0, surbs_requested = 0, surbs_used_by_peers = 0;
  std::size_t queued = 0, unacknowledged = 0, reply_keys = 0, buffered_fragments = 0;
  std::size_t headers_ahead = 0;  // parts of packets that are ready
  std::uint32_t send_multiplier = 1;
  std::optional<RoundTrips> round_trips;  // packet out to its ack back; none yet: empty
};

class Client {
 public:
  /// `keys` must outlive the client. `gateway` is the client's own entry gateway.
  Client(const TrafficConfig& traffic, const ReplierConfig& replier, const ClientKeys& keys,
         const crypto::Ed25519PublicKey& gateway, base::Rng& rng, base::Log& log);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] Recipient address() const;
  /// Null, or one without the own gateway, pauses sending and cover; what is queued stays.
  void set_topology(std::shared_ptr<const directory::Topology> topology, base::TimePoint now);
  /// How many headers of each kind are built ahead while no message comes or goes (see
  /// HeadersAhead). None to begin with.
  void set_headers_ahead(std::size_t size);
  /// Other thresholds for the side that replies, from now on.
  void set_replier(const ReplierConfig& replier);
  void set_rotation_info(const directory::KeyRotationInfo& info, base::TimePoint now,
                         base::WallTime wall_now);
  /// The streams run only between start and stop (link up and authenticated). A start sends at once
  /// again what was sent before and not acknowledged.
  void start(base::TimePoint now);
  void stop(base::TimePoint now);

  /// Queues a message. Errors: `mixnet_message_too_long`, `usage_queue_full`,
  /// `mixnet_no_topology` (reply SURBs are wanted but cannot be built now).
  [[nodiscard]] base::Result<MessageId> send(const Recipient& to, base::ByteView data,
                                             const SendOptions& options, base::TimePoint now);
  /// Answers an anonymous sender by its SURBs. Errors: `mixnet_unknown_sender`,
  /// `usage_queue_full`, `mixnet_bad_message` (empty data).
  [[nodiscard]] base::Result<MessageId> reply(const SenderTag& to, base::ByteView data,
                                              const SendOptions& options, base::TimePoint now);
  /// Sends SURBs without data, in messages of a few packets as the lane has room. What is still
  /// owed to `to` never exceeds the cap of a SURB request. Errors: `usage_queue_full` (so much is
  /// owed already).
  [[nodiscard]] base::Result<void> supply_surbs(const Recipient& to, std::uint32_t amount,
                                                base::TimePoint now);
  /// SURBs that may go to `to` in the place of cover packets, as long as nothing else waits. The
  /// last offer counts; 0 withdraws it.
  void offer_surbs(const Recipient& to, std::uint32_t amount);
  /// Drops what was queued in a lane and never sent (connection closed). No events follow.
  void close_lane(const Lane& lane);
  /// Drops what is left of a message: it is no longer queued, retransmitted or reported.
  void cancel(MessageId message);
  /// Drops everything meant for a recipient that is of no use any more (the exit was left):
  /// queued and unacknowledged fragments, SURBs owed, the sender tag. No events follow.
  void forget(const Recipient& recipient);

  /// What the gateway delivered: an ack (21 bytes) or a packet body.
  void receive(base::ByteView delivered, base::TimePoint now);
  /// The next packet that the schedule releases, or nothing. `link_backlog` says how many wait
  /// below; a full link (32) holds packets back and slows the streams. spec: messages §10.5.
  /// Call it until it gives nothing, with the backlog of that moment.
  [[nodiscard]] std::optional<MixPacket> poll_output(base::TimePoint now, std::size_t link_backlog);
  [[nodiscard]] std::optional<ClientEvent> poll_event();
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now);

  /// Packets queued in a lane, for back-pressure above.
  [[nodiscard]] std::size_t queued(const Lane& lane) const;
  /// SURBs that `to` should hold soon: made for it and owed to it, less those it has used up (see
  /// ReplyKeys::held_by). After a change of the key rotation it counts from zero.
  [[nodiscard]] std::uint32_t surbs_at(const Recipient& to) const;
  [[nodiscard]] ClientStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::mixnet
