// The mixnet client: messages in, Sphinx packets out on a schedule, and back. Owns fragments,
// acknowledgements and retransmission, lanes, cover traffic, reply SURBs of both sides.
// It knows nothing of gateways' sockets: packets leave by poll_output, deliveries come by receive.
// spec: messages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "mix/base/log.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/directory/topology.h"
#include "mix/mixnet/address.h"
#include "mix/mixnet/mix_packet.h"

namespace mix::mixnet {

using namespace std::chrono_literals;

/// Defaults of spec: messages §12.
struct TrafficConfig {
  base::Duration average_packet_delay = 15ms;           // mean per mix, data and cover
  base::Duration average_ack_delay = 15ms;              // mean per mix, acks
  base::Duration message_sending_average_delay = 20ms;  // main stream interval
  base::Duration loop_cover_average_delay = 200ms;      // loop cover interval
  bool disable_main_poisson = false;
  bool disable_loop_cover = false;
  double ack_wait_multiplier = 1.5;
  base::Duration ack_wait_addition = 1500ms;
  std::optional<std::uint32_t> max_retransmissions;  // none: no limit
  bool use_legacy_sphinx_format = false;             // 258 with v1 lists
  std::size_t max_queued_packets = 2048;             // over all lanes; `send` refuses beyond
  base::Duration max_reply_key_age = std::chrono::hours{24};
};

/// Thresholds of the side that replies. spec: messages §11.3.
struct ReplierConfig {
  std::uint32_t min_storage = 10;  // reserve, used only to ask for more
  std::uint32_t max_storage = 200;
  std::uint32_t threshold_buffer = 0;
  std::uint32_t min_request = 10, max_request = 50;
  std::uint32_t max_allowed_request = 500;
  base::Duration rerequest_after = std::chrono::seconds{10};
  base::Duration drop_after = std::chrono::minutes{5};
  std::uint32_t max_rerequests = 5;
};

/// Queue classes; decide order, never route or size. spec: messages §10.4.
enum class LaneKind : std::uint8_t {
  kGeneral,
  kConnection,
  kReplySurbRequest,
  kAdditionalReplySurbs,
  kRetransmission,
};
struct Lane {
  LaneKind kind = LaneKind::kGeneral;
  std::uint64_t connection = 0;  // for kConnection
  friend bool operator==(const Lane&, const Lane&) = default;
  friend bool operator<(const Lane& a, const Lane& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.connection < b.connection;
  }
};

using MessageId = std::uint64_t;

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
  bool is_reply = false;            // came by one of our SURBs
};
/// Every fragment of the message was acknowledged.
struct MessageDelivered {
  MessageId id;
};
/// Given up: retransmission limit, or no way to build it.
struct MessageLost {
  MessageId id;
  base::Error error;
};
/// The exit (or another peer) asked for SURBs and they were sent; for supply estimates.
struct SurbsRequested {
  Recipient by;
  std::uint32_t amount;  // after the cap
};
using ClientEvent = std::variant<MessageReceived, MessageDelivered, MessageLost, SurbsRequested>;

struct ClientStats {
  std::uint64_t sent_real = 0, sent_cover = 0, sent_loop = 0, received = 0, received_acks = 0;
  std::uint64_t retransmitted = 0, lost = 0, duplicates = 0, undecodable = 0;
  std::uint64_t surbs_sent = 0, surbs_requested = 0, surbs_used_by_peers = 0;
  std::size_t queued = 0, unacknowledged = 0, reply_keys = 0, buffered_fragments = 0;
};

class Client {
 public:
  /// `keys` must outlive the client. `gateway` is the client's own entry gateway.
  Client(const TrafficConfig& traffic, const ReplierConfig& replier, const ClientKeys& keys,
         const crypto::Ed25519PublicKey& gateway, base::Rng& rng, base::Log& log);
  ~Client();

  [[nodiscard]] Recipient address() const;
  /// Null clears it: sending pauses, cover stops. Unsent packets are kept or rebuilt.
  void set_topology(std::shared_ptr<const directory::Topology> topology, base::TimePoint now);
  void set_rotation_info(const directory::KeyRotationInfo& info, base::TimePoint now,
                         base::WallTime wall_now);
  /// The streams run only between start and stop (link up and authenticated).
  void start(base::TimePoint now);
  void stop(base::TimePoint now);

  /// Queues a message. Errors: `mixnet_message_too_long`, `usage_queue_full`.
  [[nodiscard]] base::Result<MessageId> send(const Recipient& to, base::ByteView data,
                                             const SendOptions& options, base::TimePoint now);
  /// Answers an anonymous sender by its SURBs. Errors: `mixnet_unknown_sender`,
  /// `usage_queue_full`, `mixnet_bad_message` (empty data).
  [[nodiscard]] base::Result<MessageId> reply(const SenderTag& to, base::ByteView data,
                                              const SendOptions& options, base::TimePoint now);
  /// Sends a message that only carries SURBs. Errors: as `send`.
  [[nodiscard]] base::Result<void> supply_surbs(const Recipient& to, std::uint32_t amount,
                                                base::TimePoint now);
  /// Drops a lane with what is queued in it (connection closed).
  void close_lane(const Lane& lane);

  /// What the gateway delivered: an ack (21 bytes) or a packet body.
  void receive(base::ByteView delivered, base::TimePoint now);
  /// The next packet that the schedule releases, or nothing. `link_backlog` says how many wait
  /// below; a full link (32) holds packets back and slows the streams. spec: messages §10.5.
  [[nodiscard]] std::optional<MixPacket> poll_output(base::TimePoint now, std::size_t link_backlog);
  [[nodiscard]] std::optional<ClientEvent> poll_event();
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now);

  /// Packets queued in a lane, for back-pressure above.
  [[nodiscard]] std::size_t queued(const Lane& lane) const;
  /// SURBs that `to` should still hold: sent less seen used.
  [[nodiscard]] std::uint32_t surbs_at(const Recipient& to) const;
  [[nodiscard]] ClientStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::mixnet
