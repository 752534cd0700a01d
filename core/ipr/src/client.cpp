#include "mix/ipr/client.h"

#include <algorithm>
#include <deque>

#include "mix/base/panic.h"
#include "mix/ipr/bundle.h"
#include "mix/ipr/constants.h"
#include "mix/ipr/frame.h"
#include "mix/ipr/messages.h"

namespace mix::ipr {

using base::Bytes;
using base::ByteView;
using base::Errc;
using base::Error;
using base::Result;
using base::TimePoint;
using base::WallTime;

namespace {

/// The exit must hold more than its reserve before it can answer at all. spec: ipr §8.
constexpr std::uint32_t kFirstContactSurbs = kExitReserve;
/// With so many packets still waiting below, a new message would only queue behind them.
constexpr std::size_t kBusyBelow = 2;
constexpr base::Duration kProbeInterval = std::chrono::seconds{3};
/// Pongs of an exit that shows no sign of our session, until the session counts as forgotten.
constexpr int kPongsWithoutSession = 3;
/// A silent exit may have lost its store, so a probe brings enough to be answered by itself.
constexpr std::uint32_t kProbeSurbs = kExitReserve + 2;
constexpr std::size_t kFormerStreams = 8;
/// Of a text that the exit wrote.
constexpr std::size_t kMaxForeignText = 200;

/// Where keep-alive packets go: the discard port of a documentation address, which every exit
/// refuses (spec: ipr §9 item 1) after it counted the packet as activity. So the packet tells
/// nobody behind the exit that the tunnel is idle, unlike a query to a resolver, and the exit's
/// refusal proves the path.
constexpr std::array<std::uint8_t, 4> kKeepaliveAddress{192, 0, 2, 1};
constexpr std::uint16_t kKeepalivePort = 9;
constexpr std::string_view kKeepaliveDestination = "192.0.2.1:9";

/// An empty UDP datagram.
Bytes keepalive_packet(const std::array<std::uint8_t, 4>& source) {
  constexpr std::uint16_t kSize = 28, kUdpSize = 8;
  constexpr std::uint16_t kVersionAndLength = 0x4500, kDontFragment = 0x4000;
  constexpr std::uint16_t kTtlAndUdp = 64 * 256 + 17;
  const auto word = [](const std::array<std::uint8_t, 4>& address, std::size_t at) {
    return static_cast<std::uint32_t>(address[at] * 256 + address[at + 1]);
  };
  std::uint32_t sum = kVersionAndLength + kSize + kDontFragment + kTtlAndUdp;
  for (const std::size_t at : {std::size_t{0}, std::size_t{2}}) {
    sum += word(source, at) + word(kKeepaliveAddress, at);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  base::Writer out{kSize};
  out.u16be(kVersionAndLength).u16be(kSize).u16be(0).u16be(kDontFragment).u16be(kTtlAndUdp);
  out.u16be(static_cast<std::uint16_t>(~sum)).bytes(source).bytes(kKeepaliveAddress);
  // A UDP checksum of zero means none in IPv4.
  out.u16be(kKeepalivePort).u16be(kKeepalivePort).u16be(kUdpSize).u16be(0);
  return out.take();
}

std::string cut(std::string text) {
  if (text.size() <= kMaxForeignText) return text;
  std::size_t end = kMaxForeignText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

}  // namespace

class Client::Impl {
 public:
  Impl(const ClientConfig& config, base::Rng& rng, base::Log& log)
      : config_(config),
        rng_(rng),
        log_(log),
        supply_(config.data_reply_surbs, config.surb_format) {
    if (!is_known(config.first_version)) base::panic("ipr: unknown first version");
  }

  void connect(TimePoint now, WallTime wall_now) {
    wall_ahead_ = wall_now.time_since_epoch() - now.time_since_epoch();
    remember_stream();
    stream_id_ = rng_.u64();
    next_sequence_ = 0;
    packets_.clear();
    events_.clear();  // of the session before
    owed_since_.reset();
    unproven_.reset();
    keepalive_is_refused_ = false;
    suspended_ = false;
    if (config_.first_version != ProtocolVersion::k8) {
      const auto surbs = std::max(config_.open_reply_surbs, kFirstContactSurbs);
      push_message(encode_stream_frame({*stream_id_, StreamMessage::kOpen, 0, {}}), surbs, now);
    }
    const bool patient = config_.first_version != ProtocolVersion::k10;
    ask(config_.first_version, patient ? config_.connect_timeout : config_.v10_timeout, now);
  }

  void disconnect(TimePoint now, WallTime wall_now) {
    wall_ahead_ = wall_now.time_since_epoch() - now.time_since_epoch();
    if (const auto* session = std::get_if<Session>(&state_)) {
      // Nobody waits for the answer, so it needs no SURB of ours.
      push_request({session->assignment.version, DisconnectRequest{rng_.u64(), timestamp(now)}}, 0,
                   now);
    }
    become_idle();
  }

  Result<void> send(ByteView ip_packet, TimePoint now) {
    end_if_expired(now);
    const auto* session = std::get_if<Session>(&state_);
    if (session == nullptr) return Errc::usage_not_ready;
    if (ip_packet.size() > session->assignment.mtu) {
      return Error{Errc::ipr_packet_too_large, static_cast<std::uint32_t>(ip_packet.size())};
    }
    if (ip_packet.empty()) return {};
    const bool first = packets_.empty();
    if (!packets_.push(ip_packet)) return Errc::usage_queue_full;
    if (first) waiting_since_ = now;
    return {};
  }

  void flush(TimePoint now, std::size_t queued_below) {
    auto* session = std::get_if<Session>(&state_);
    if (session == nullptr) return;
    const bool holds = holds_acks() && now < waiting_since_ + config_.hold_acks;
    while (queued_below < kBusyBelow && !holds) {
      auto bundle = packets_.pop_bundle();
      if (!bundle) break;
      queued_below += send_data(*session, *std::move(bundle), now);
    }
    if (const std::uint32_t surbs = supply_.top_up(now); surbs > 0) {
      outputs_.emplace_back(SupplySurbs{surbs});
    }
    if (!config_.replaces_cover) return;
    if (const std::uint32_t surbs = supply_.spare_room(); surbs != offered_) {
      offered_ = surbs;
      outputs_.emplace_back(OfferSurbs{surbs});
    }
  }

  bool receive(ByteView message, TimePoint now) {
    const bool idle = std::holds_alternative<Idle>(state_);
    ByteView payload = message;
    if (config_.first_version != ProtocolVersion::k8) {
      const auto frame = decode_stream_frame(message);
      if (!frame) return false;
      if (frame->stream_id != stream_id_) return is_former(frame->stream_id);
      if (idle || frame->message != StreamMessage::kData) return true;
      payload = frame->payload;
    }
    if (idle) return false;
    auto response = decode_response(payload);
    if (!response) {
      log_.event("ipr.undecodable", static_cast<std::int64_t>(response.error().code));
      return config_.first_version != ProtocolVersion::k8;
    }
    supply_.on_reply(message.size(), now);
    owed_since_.reset();
    if (auto* connecting = std::get_if<Connecting>(&state_)) {
      handshake(*connecting, *std::move(response), now);
    } else {
      serve(*std::move(response), now);
    }
    return true;
  }

  void surbs_at_exit(std::uint32_t estimate, TimePoint now) { supply_.set_estimate(estimate, now); }
  void surbs_requested(std::uint32_t amount, TimePoint now) { supply_.exit_asked(amount, now); }

  void suspend() { suspended_ = true; }
  void resume(TimePoint now, base::Duration unseen) {
    suspended_ = false;
    unproven_.reset();
    if (auto* session = std::get_if<Session>(&state_)) session->last_packet -= unseen;
    if (owed_since_) {  // silence while the link was down is not the exit's
      owed_since_ = now;
      next_probe_ = now + config_.probe_after;
    }
    end_if_expired(now);
  }

  void check(TimePoint now) {
    if (auto* session = std::get_if<Session>(&state_)) probe(*session, now);
  }

  std::optional<ClientOutput> poll_output() { return pop(outputs_); }
  std::optional<ClientEvent> poll_event() { return pop(events_); }

  base::Deadline next_deadline() const {
    if (suspended_) return std::nullopt;
    if (const auto* connecting = std::get_if<Connecting>(&state_)) return connecting->deadline;
    const auto* session = std::get_if<Session>(&state_);
    if (session == nullptr) return std::nullopt;
    return base::earlier(base::earlier(keepalive_deadline(*session), hold_deadline()),
                         base::earlier(probe_deadline(), dead_deadline()));
  }

  void expire(TimePoint now) {
    if (suspended_) return;
    end_if_expired(now);
    if (const auto* connecting = std::get_if<Connecting>(&state_)) {
      if (now < connecting->deadline) return;
      if (connecting->version == ProtocolVersion::k10) {
        log_.event("ipr.v10_unanswered", 0);
        ask(ProtocolVersion::k9, config_.connect_timeout, now);
      } else {
        end(Errc::ipr_connect_timeout, "");
      }
      return;
    }
    auto* session = std::get_if<Session>(&state_);
    if (session == nullptr) return;
    if (is_due(dead_deadline(), now)) {
      end(Errc::ipr_silent, "");
      return;
    }
    if (is_due(probe_deadline(), now)) probe(*session, now);
    if (is_due(keepalive_deadline(*session), now)) send_keepalive(*session, now);
  }

  bool connected() const { return std::holds_alternative<Session>(state_); }
  std::size_t waiting() const { return packets_.size(); }

 private:
  struct Idle {};
  struct Connecting {
    ProtocolVersion version;
    RequestId id;
    TimePoint deadline;
  };
  struct Session {
    Assignment assignment;
    TimePoint last_packet;  // sent by us
  };

  /// IP packets left, and nothing came back that only a session of ours can cause.
  struct Unproven {
    int pongs;
  };

  template <class T>
  static std::optional<T> pop(std::deque<T>& queue) {
    if (queue.empty()) return std::nullopt;
    std::optional<T> out{std::move(queue.front())};
    queue.pop_front();
    return out;
  }

  Timestamp timestamp(TimePoint now) const {
    return Timestamp::from(WallTime{std::chrono::duration_cast<std::chrono::milliseconds>(
        now.time_since_epoch() + wall_ahead_)});
  }

  /// What the exit still sends in a stream that is over is nobody else's message.
  void remember_stream() {
    if (!stream_id_) return;
    former_streams_.push_back(*stream_id_);
    if (former_streams_.size() > kFormerStreams) former_streams_.pop_front();
  }
  bool is_former(StreamId id) const {
    return std::find(former_streams_.begin(), former_streams_.end(), id) != former_streams_.end();
  }

  void ask(ProtocolVersion version, base::Duration patience, TimePoint now) {
    ConnectRequest request{rng_.u64(), std::nullopt, timestamp(now)};
    if (config_.bundle_timeout && config_.bundle_timeout->count() > 0) {
      request.buffer_timeout_ms = static_cast<std::uint64_t>(config_.bundle_timeout->count());
    }
    push_request({version, request}, std::max(config_.data_reply_surbs, kFirstContactSurbs), now);
    std::get<Outgoing>(outputs_.back()).kind = Outgoing::Kind::kConnect;
    state_ = Connecting{version, request.id, now + patience};
  }

  /// Without a number of SURBs the supply decides.
  void push_request(const Request& request, std::optional<std::uint32_t> surbs, TimePoint now) {
    Bytes message = encode(request);
    if (request.version != ProtocolVersion::k8) {
      message = encode_stream_frame({*stream_id_, StreamMessage::kData, next_sequence_, message});
      ++next_sequence_;
    }
    if (!surbs) {
      const std::uint32_t attached = supply_.attach(message.size(), now);
      push_output(std::move(message), attached, now);
    } else {
      push_message(std::move(message), *surbs, now);
    }
  }

  void push_message(Bytes message, std::uint32_t surbs, TimePoint now) {
    supply_.on_attached(surbs);
    push_output(std::move(message), surbs, now);
  }

  void push_output(Bytes message, std::uint32_t surbs, TimePoint now) {
    mixnet::SendOptions options;
    options.reply_surbs = surbs;
    options.anonymous = true;
    outputs_.emplace_back(Outgoing{std::move(message), options});
    if (!owed_since_) {
      owed_since_ = now;
      next_probe_ = now + config_.probe_after;
    }
  }

  /// Returns how many Sphinx packets that takes, without SURBs.
  std::size_t send_data(Session& session, Bytes bundle, TimePoint now) {
    const std::size_t packets = message_room(bundle.size(), config_.surb_format).packets;
    push_request({session.assignment.version, Data{std::move(bundle)}}, std::nullopt, now);
    session.last_packet = now;
    if (!unproven_) unproven_ = Unproven{0};
    return packets;
  }

  void send_keepalive(Session& session, TimePoint now) {
    Bytes bundle;
    append_to_bundle(bundle, keepalive_packet(session.assignment.ipv4));
    send_data(session, std::move(bundle), now);
  }

  /// Two questions: is the exit there, and does it know our addresses? A ping alone would be
  /// answered by one that has restarted and drops our packets. spec: ipr §7.4.
  void probe(Session& session, TimePoint now) {
    next_probe_ = now + kProbeInterval;
    send_keepalive(session, now);
    push_request({session.assignment.version, PingRequest{rng_.u64(), timestamp(now)}}, kProbeSurbs,
                 now);
  }

  void handshake(const Connecting& connecting, Response response, TimePoint now) {
    // A late reply to the v10 attempt: the exit has replaced that session. spec: ipr §1.1.
    if (response.version != connecting.version) return;
    if (const auto* success = std::get_if<ConnectSuccess>(&response.body)) {
      if (success->id != connecting.id) return;
      Assignment assignment{success->ipv4, success->ipv6, kDefaultMtu, response.version};
      assignment.mtu = std::clamp(success->mtu.value_or(kDefaultMtu), kMinMtu, kMaxMtu);
      if (config_.max_mtu) {
        assignment.mtu = std::min(assignment.mtu, std::clamp(*config_.max_mtu, kMinMtu, kMaxMtu));
      }
      state_ = Session{assignment, now};
      events_.emplace_back(Connected{assignment});
    } else if (auto* failure = std::get_if<ConnectFailure>(&response.body)) {
      if (failure->id == connecting.id) end(Errc::ipr_connect_denied, describe(*failure));
    }
  }

  void serve(Response response, TimePoint now) {
    if (const auto* data = std::get_if<Data>(&response.body)) {
      unproven_.reset();
      for (const ByteView packet : unbundle(data->bundle).packets) {
        if (!packet.empty()) events_.emplace_back(PacketReceived{base::to_bytes(packet)});
      }
    } else if (auto* info = std::get_if<Info>(&response.body)) {
      auto* refusal = std::get_if<PolicyRefusal>(&info->reply);
      if (refusal == nullptr) return;
      unproven_.reset();
      if (refusal->destination == kKeepaliveDestination) {
        keepalive_is_refused_ = true;
      } else {
        events_.emplace_back(DestinationDenied{cut(std::move(refusal->destination))});
      }
    } else if (std::holds_alternative<Pong>(response.body)) {
      // Only where a refusal of the keep-alive has been seen does its absence mean something.
      if (!unproven_ || !keepalive_is_refused_) return;
      if (++unproven_->pongs >= kPongsWithoutSession) {
        end(Errc::ipr_disconnected, "the exit has forgotten the session");
        return;
      }
      owed_since_ = now;  // the proof
      next_probe_ = now + kProbeInterval;
    } else if (const auto* unrequested = std::get_if<UnrequestedDisconnect>(&response.body)) {
      end(Errc::ipr_disconnected, describe(*unrequested));
    } else if (std::holds_alternative<DisconnectSuccess>(response.body)) {
      end(Errc::ipr_disconnected, "");
    } else if (std::holds_alternative<DisconnectFailure>(response.body)) {
      end(Errc::ipr_disconnected, "client is not connected");
    }
    // The rest needs no action: health has reset the wait for an answer, a connect reply is late.
  }

  base::Deadline keepalive_deadline(const Session& session) const {
    if (config_.keepalive <= base::Duration::zero()) return std::nullopt;
    return session.last_packet + config_.keepalive;
  }
  bool holds_acks() const {
    return config_.hold_acks > base::Duration::zero() && packets_.has_only_acks();
  }
  /// When held acknowledgements leave; the flush of that turn sends them.
  base::Deadline hold_deadline() const {
    if (packets_.empty() || !holds_acks()) return std::nullopt;
    return waiting_since_ + config_.hold_acks;
  }
  base::Deadline probe_deadline() const {
    if (!owed_since_ || config_.dead_after <= base::Duration::zero()) return std::nullopt;
    return next_probe_;
  }
  base::Deadline dead_deadline() const {
    if (!owed_since_ || config_.dead_after <= base::Duration::zero()) return std::nullopt;
    return *owed_since_ + config_.dead_after;
  }

  /// After a sleep the exit has forgotten us; it would drop our packets in silence.
  void end_if_expired(TimePoint now) {
    const auto* session = std::get_if<Session>(&state_);
    if (session != nullptr && now - session->last_packet > kAssignmentLifetime) {
      end(Errc::ipr_disconnected, "the addresses have expired");
    }
  }

  void become_idle() {
    state_ = Idle{};
    packets_.clear();
    owed_since_.reset();
    unproven_.reset();
  }

  void end(Errc code, std::string context) {
    become_idle();
    events_.emplace_back(SessionEnded{Error{code, 0, cut(std::move(context))}});
  }

  const ClientConfig config_;
  base::Rng& rng_;
  base::Log& log_;
  SurbSupply supply_;
  PacketQueue packets_;
  std::variant<Idle, Connecting, Session> state_;
  std::deque<ClientOutput> outputs_;
  std::deque<ClientEvent> events_;
  std::optional<StreamId> stream_id_;
  std::deque<StreamId> former_streams_;
  std::uint32_t next_sequence_ = 0;
  /// When the queue of packets was empty last.
  TimePoint waiting_since_{};
  std::uint32_t offered_ = 0;
  base::Duration wall_ahead_{};
  /// When the oldest message was sent since the exit was last heard.
  base::Deadline owed_since_;
  TimePoint next_probe_{};
  std::optional<Unproven> unproven_;
  bool keepalive_is_refused_ = false;  // by this exit, in this session
  bool suspended_ = false;
};

Client::Client(const ClientConfig& config, base::Rng& rng, base::Log& log)
    : impl_(std::make_unique<Impl>(config, rng, log)) {}
Client::~Client() = default;

void Client::connect(TimePoint now, WallTime wall_now) { impl_->connect(now, wall_now); }
void Client::disconnect(TimePoint now, WallTime wall_now) { impl_->disconnect(now, wall_now); }
Result<void> Client::send(ByteView ip_packet, TimePoint now) { return impl_->send(ip_packet, now); }
void Client::flush(TimePoint now, std::size_t queued_below) { impl_->flush(now, queued_below); }
bool Client::receive(ByteView message, TimePoint now) { return impl_->receive(message, now); }
void Client::surbs_at_exit(std::uint32_t estimate, TimePoint now) {
  impl_->surbs_at_exit(estimate, now);
}
void Client::surbs_requested(std::uint32_t amount, TimePoint now) {
  impl_->surbs_requested(amount, now);
}
void Client::suspend() { impl_->suspend(); }
void Client::resume(TimePoint now, base::Duration unseen) { impl_->resume(now, unseen); }
void Client::check(TimePoint now) { impl_->check(now); }
std::optional<ClientOutput> Client::poll_output() { return impl_->poll_output(); }
std::optional<ClientEvent> Client::poll_event() { return impl_->poll_event(); }
base::Deadline Client::next_deadline() const { return impl_->next_deadline(); }
void Client::expire(TimePoint now) { impl_->expire(now); }
bool Client::connected() const { return impl_->connected(); }
std::size_t Client::waiting() const { return impl_->waiting(); }

}  // namespace mix::ipr
