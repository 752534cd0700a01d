// Client of the exit's IP packet router: connects, bundles IP packets into mixnet messages and
// takes them apart again, keeps the session alive and the exit supplied with SURBs.
// spec: ipr, limits §1.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "mix/base/log.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/ipr/messages.h"
#include "mix/ipr/surb_supply.h"
#include "mix/mixnet/client.h"

namespace mix::ipr {

struct ClientConfig {
  ProtocolVersion first_version = ProtocolVersion::k9;  // k10 when the exit is >= 1.37.0
  std::uint32_t open_reply_surbs = 10;                  // at least
  std::uint32_t data_reply_surbs = 2;                   // at least, where a packet has room
  SurbFormat surb_format = SurbFormat::kSeeds;          // kLongKeys with the legacy format
  base::Duration v10_timeout = std::chrono::seconds{15};
  base::Duration connect_timeout = std::chrono::seconds{60};
  base::Duration keepalive = std::chrono::seconds{25};  // zero: off; spec: ipr §7.4
  /// An exit that owes an answer is probed after the first and given up after the second. A probe
  /// brings the SURBs for its answer, so it also ends the silence of an exit that has none.
  base::Duration probe_after = std::chrono::seconds{3};
  base::Duration dead_after = std::chrono::seconds{20};  // zero: never
  /// How long the exit may hold small packets back; none: its default of 20 ms.
  std::optional<std::chrono::milliseconds> bundle_timeout;
  std::optional<std::uint16_t> max_mtu;  // 1280..1500
  /// How long acknowledgements alone may wait for others to share their message with. For a client
  /// without shaping; else the schedule makes them wait anyway.
  base::Duration hold_acks{};
  /// The schedule sends at any rate: SURBs may take the place of cover packets.
  bool replaces_cover = false;
};

/// What the exit assigned.
struct Assignment {
  std::array<std::uint8_t, 4> ipv4{};
  std::array<std::uint8_t, 16> ipv6{};
  std::uint16_t mtu = 0;  // clamp(reported or 1420, 1280, 1500), spec: ipr §7.5
  ProtocolVersion version{};
};

struct Connected {
  Assignment assignment;
};
struct PacketReceived {
  base::Bytes ip_packet;
};
/// The exit's policy refused "a.b.c.d:port" or "[v6]:port".
struct DestinationDenied {
  std::string destination;
};
/// The session is over or never came to be: `ipr_connect_timeout`, `ipr_connect_denied`,
/// `ipr_disconnected` (by the exit's word, or its having forgotten us), `ipr_silent`.
struct SessionEnded {
  base::Error error;
};
using ClientEvent = std::variant<Connected, PacketReceived, DestinationDenied, SessionEnded>;

/// A message for the exit, to be given to mixnet::Client::send.
struct Outgoing {
  /// An exit keeps the session that was asked for last. An earlier request to connect that is still
  /// on its way must not be repeated after this one: cancel it.
  enum class Kind : bool { kConnect, kOther };
  base::Bytes data;
  mixnet::SendOptions options;
  Kind kind = Kind::kOther;
};
/// Ask mixnet::Client::supply_surbs.
struct SupplySurbs {
  std::uint32_t amount;
};
/// Tell mixnet::Client::offer_surbs.
struct OfferSurbs {
  std::uint32_t amount;
};
using ClientOutput = std::variant<Outgoing, SupplySurbs, OfferSurbs>;

/// The client's side of one session with an exit:
/// @verbatim
///            connect()            answered
///   Idle ---------------> Connecting ----------> Session
///    ^    refused, time-out |  ^ | v10 unanswered    |
///    +----------------------+  +-+ (again with v9)   |
///    +-----------------------------------------------+
///      disconnect(), the exit's word, silence, expiry
/// @endverbatim
class Client {
 public:
  /// `rng` and `log` must outlive the client.
  Client(const ClientConfig& config, base::Rng& rng, base::Log& log);
  ~Client();

  /// Opens the stream and asks for addresses, anew after an earlier session (new stream id).
  void connect(base::TimePoint now, base::WallTime wall_now);
  /// Best effort; SessionEnded does not follow.
  void disconnect(base::TimePoint now, base::WallTime wall_now);

  /// Takes an IP packet into the current bundle. Errors: `usage_not_ready`,
  /// `usage_queue_full`, `ipr_packet_too_large`.
  [[nodiscard]] base::Result<void> send(base::ByteView ip_packet, base::TimePoint now);
  /// Ends the turn: what is bundled becomes messages, as many as keep the schedule below busy.
  /// While it still has packets of this lane (`queued_below`), the bundle goes on growing instead:
  /// the packets leave no later and need fewer messages. Call it in each turn until it moves
  /// nothing.
  void flush(base::TimePoint now, std::size_t queued_below = 0);

  /// A reply that came by one of our SURBs. True when the message was a frame of this client's
  /// stream, or of a former one (then it is dropped); other messages are the caller's.
  [[nodiscard]] bool receive(base::ByteView message, base::TimePoint now);
  /// mixnet's estimate of the SURBs that the exit still holds, for the supply. Call it before
  /// `flush`, in each turn.
  void surbs_at_exit(std::uint32_t estimate, base::TimePoint now);
  /// mixnet answered the exit's request for SURBs (mixnet::SurbsRequested): the exit holds fewer
  /// than the estimate tells, replies that were lost among them.
  void surbs_requested(std::uint32_t amount, base::TimePoint now);

  /// The link below is lost: no deadline runs until `resume`.
  void suspend();
  /// `unseen` is time that passed without `now` showing it (the computer slept).
  void resume(base::TimePoint now, base::Duration unseen = {});
  /// Probes the exit at once, as after a sleep.
  void check(base::TimePoint now);

  [[nodiscard]] std::optional<ClientOutput> poll_output();
  [[nodiscard]] std::optional<ClientEvent> poll_event();
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now);
  [[nodiscard]] bool connected() const;
  /// IP packets that no message holds yet.
  [[nodiscard]] std::size_t waiting() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mix::ipr
