#include "mix/localnet/ip_router.h"

#include <deque>
#include <map>
#include <set>

#include "ip_packet.h"
#include "mix/ipr/bundle.h"
#include "mix/ipr/frame.h"
#include "mix/ipr/messages.h"

namespace mix::localnet {

using base::Bytes;
using base::ByteView;
using base::TimePoint;
using ipr::ProtocolVersion;
using mixnet::SenderTag;

namespace {

// Client addresses. spec: ipr §7.3.
constexpr std::uint16_t kFirstHost = 2, kLastHost = 65534;
constexpr int kAddressDraws = 101;
constexpr std::chrono::milliseconds kMaxBundleTimeout{1000};

IpAddress v4_of(std::uint16_t host) {
  base::Writer out;
  out.u8(10).u8(0).u16be(host);
  return IpAddress::v4(out.view());
}

IpAddress v6_of(std::uint16_t host) {
  base::Writer out;
  out.u16be(0xfc00).fill(12, 0).u16be(host);
  return IpAddress::v6(out.view());
}

template <std::size_t N>
std::array<std::uint8_t, N> bytes_of(const IpAddress& address) {
  std::array<std::uint8_t, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = address.bytes[i];
  return out;
}

ipr::BuildInfo build_info() {
  ipr::BuildInfo info;
  info.binary_name = "mix-localnet";
  info.build_version = "1.37.0";
  return info;
}

}  // namespace

class IpRouter::Impl {
 public:
  Impl(const IpRouterConfig& config, base::Rng& rng) : config_(config), rng_(rng) {}

  void receive(ByteView message, const std::optional<SenderTag>& sender, TimePoint now) {
    if (!sender) {  // nothing to answer by. spec: ipr §7.2
      ++stats_.malformed;
      return;
    }
    // A raw message begins with its version, a frame with its kind; both cannot be read alike,
    // since 8 is no kind.
    Sender from{*sender, std::nullopt};
    ByteView payload = message;
    if (const auto frame = ipr::decode_stream_frame(message)) {
      if (frame->payload.empty()) return;  // just opens the stream
      from.stream = frame->stream_id;
      payload = frame->payload;
    }
    const auto request = ipr::decode_request(payload);
    if (!request || request->service_provider != ipr::ServiceProvider::kIpPacketRouter ||
        !is_served(request->version, from.stream.has_value())) {
      ++stats_.malformed;
      return;
    }
    std::visit([&](const auto& body) { handle(from, request->version, body, now); }, request->body);
  }

  void receive_packet(SessionId id, ByteView ip_packet, TimePoint now) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    Session& session = found->second;
    const auto packet = parse_ip_packet(ip_packet);
    if (!packet || (packet->destination != session.v4 && packet->destination != session.v6)) {
      ++stats_.malformed;
      return;
    }
    ++stats_.to_clients;
    if (auto bundle = session.bundler.push(ip_packet, now)) send_data(session, *std::move(bundle));
  }

  std::optional<RouterOutput> poll_output() {
    if (outputs_.empty()) return std::nullopt;
    std::optional<RouterOutput> out{std::move(outputs_.front())};
    outputs_.pop_front();
    return out;
  }

  base::Deadline next_deadline() const {
    base::Deadline deadline = idle_check_at_;
    for (const auto& [id, session] : sessions_) {
      deadline = base::earlier(deadline, session.bundler.next_deadline());
    }
    return deadline;
  }

  void expire(TimePoint now) {
    for (auto& [id, session] : sessions_) {
      if (!is_due(session.bundler.next_deadline(), now)) continue;
      if (auto bundle = session.bundler.flush(now)) send_data(session, *std::move(bundle));
    }
    if (!is_due(idle_check_at_, now)) return;
    std::vector<SessionId> idle;
    for (const auto& [id, session] : sessions_) {
      if (now - session.last_packet > config_.idle_limit) idle.push_back(id);
    }
    for (const SessionId id : idle) close(id);  // in silence. spec: ipr §7.4
    idle_check_at_ = sessions_.empty() ? base::Deadline{} : now + config_.idle_check;
  }

  IpRouterStats stats() const {
    IpRouterStats out = stats_;
    out.sessions = sessions_.size();
    return out;
  }

 private:
  /// Who asks, and by which stream when the request was framed.
  struct Sender {
    SenderTag tag;
    std::optional<ipr::StreamId> stream;
  };

  struct Session {
    Sender client;
    ProtocolVersion version;  // of the connect request
    std::uint16_t host;
    IpAddress v4, v6;
    TimePoint last_packet;  // from the client
    ipr::ExitBundler bundler;
    std::uint32_t next_sequence = 1;
  };

  bool is_served(ProtocolVersion version, bool framed) const {
    if (version == ProtocolVersion::k8) return !framed;
    if (version == ProtocolVersion::k9) return framed;
    return version == ProtocolVersion::k10 && framed && config_.newest == NewestVersion::k10;
  }

  Session* session_of(const SenderTag& tag) {
    const auto found = by_tag_.find(tag);
    return found == by_tag_.end() ? nullptr : &sessions_.at(found->second);
  }

  /// A framed session answers in the version of its connect request, whatever the data say.
  ProtocolVersion reply_version(const Sender& from, ProtocolVersion asked) {
    const Session* session = session_of(from.tag);
    const bool both_framed = session != nullptr && session->client.stream && from.stream;
    return both_framed ? session->version : asked;
  }

  void handle(const Sender& from, ProtocolVersion version, const ipr::ConnectRequest& request,
              TimePoint now) {
    if (const Session* old = session_of(from.tag)) {
      if (!from.stream) {  // raw: the session goes on
        send_control(from, version, success(*old, request.id));
        return;
      }
      close(by_tag_.at(from.tag));
    }
    const auto host = draw_host();
    if (!host || sessions_.size() >= config_.max_sessions) {
      send_control(from, version,
                   ipr::ConnectFailure{request.id, ipr::ConnectFailureReason::kNoAvailableIp, ""});
      return;
    }
    base::Duration bundle_timeout = config_.bundle_timeout;
    // Zero would never let anything wait; the reference's handler dies of it. spec: ipr §3.
    if (request.buffer_timeout_ms && *request.buffer_timeout_ms > 0) {
      const auto longest = static_cast<std::uint64_t>(kMaxBundleTimeout.count());
      bundle_timeout = std::chrono::milliseconds{std::min(*request.buffer_timeout_ms, longest)};
    }
    const SessionId id = ++last_id_;
    const auto [at, fresh] =
        sessions_.try_emplace(id, Session{from, version, *host, v4_of(*host), v6_of(*host), now,
                                          ipr::ExitBundler{bundle_timeout, now}});
    hosts_.insert(*host);
    by_tag_[from.tag] = id;
    if (!idle_check_at_) idle_check_at_ = now + config_.idle_check;
    outputs_.emplace_back(SessionOpened{id, at->second.v4, at->second.v6});
    send_control(from, version, success(at->second, request.id));
  }

  void handle(const Sender& from, ProtocolVersion version, const ipr::DisconnectRequest& request,
              TimePoint /*now*/) {
    const ProtocolVersion reply = reply_version(from, version);
    if (session_of(from.tag) == nullptr) {
      send_control(
          from, reply,
          ipr::DisconnectFailure{request.id, ipr::DisconnectFailureReason::kNotConnected, ""});
      return;
    }
    close(by_tag_.at(from.tag));
    send_control(from, reply, ipr::DisconnectSuccess{request.id});
  }

  void handle(const Sender& from, ProtocolVersion version, const ipr::PingRequest& request,
              TimePoint /*now*/) {
    send_control(from, reply_version(from, version), ipr::Pong{request.id});
  }

  void handle(const Sender& from, ProtocolVersion version, const ipr::HealthRequest& request,
              TimePoint /*now*/) {
    send_control(from, reply_version(from, version),
                 ipr::Health{request.id, build_info(), std::nullopt});
  }

  void handle(const Sender& from, ProtocolVersion version, const ipr::Data& data, TimePoint now) {
    Session* const session = session_of(from.tag);
    for (const ByteView bytes : ipr::unbundle(data.bundle).packets) {
      if (!bytes.empty()) handle_packet(from, version, session, bytes, now);
    }
  }

  /// spec: ipr §9.
  void handle_packet(const Sender& from, ProtocolVersion version, Session* session, ByteView bytes,
                     TimePoint now) {
    const auto packet = parse_ip_packet(bytes);
    // A fragment has no transport header to judge.
    if (!packet || packet->later_fragment || packet->more_fragments) {
      ++stats_.malformed;
      return;
    }
    // Differs: the reference accepts the address of any client, not just the sender's.
    if (session == nullptr || (packet->source != session->v4 && packet->source != session->v6)) {
      ++stats_.spoofed;
      return;
    }
    session->last_packet = now;
    ++stats_.from_clients;
    IpEndpoint destination{packet->destination, 0};
    if (packet->transport == Transport::kTcp || packet->transport == Transport::kUdp) {
      destination.port = packet->destination_port;
    }
    if (!is_permitted(destination)) {
      ++stats_.denied;
      send_control(
          from, reply_version(from, version),
          ipr::Info{0, ipr::PolicyRefusal{destination.to_string()}, ipr::InfoLevel::kWarn});
      return;
    }
    outputs_.emplace_back(RouterForward{by_tag_.at(from.tag), base::to_bytes(bytes)});
  }

  bool is_permitted(const IpEndpoint& destination) const {
    const bool mapped = config_.is_mapped && config_.is_mapped(destination);
    if (!mapped && config_.local == LocalDestinations::kRefused &&
        !is_global(destination.address)) {
      return false;
    }
    return config_.policy.check(destination) == Verdict::kAccept;
  }

  std::optional<std::uint16_t> draw_host() {
    for (int draw = 0; draw < kAddressDraws; ++draw) {
      const auto host =
          static_cast<std::uint16_t>(kFirstHost + rng_.uniform(kLastHost - kFirstHost + 1));
      if (!hosts_.contains(host)) return host;
    }
    return std::nullopt;
  }

  void close(SessionId id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    hosts_.erase(found->second.host);
    by_tag_.erase(found->second.client.tag);
    sessions_.erase(found);
    outputs_.emplace_back(SessionClosed{id});
  }

  ipr::ResponseBody success(const Session& session, ipr::RequestId id) const {
    ipr::ConnectSuccess out;
    out.id = id;
    out.ipv4 = bytes_of<4>(session.v4);
    out.ipv6 = bytes_of<16>(session.v6);
    if (session.version == ProtocolVersion::k10) out.mtu = config_.mtu;
    return out;
  }

  /// Retransmitted until acknowledged; sequence 0, every one of them. spec: ipr §6, §8.
  void send_control(const Sender& to, ProtocolVersion version, ipr::ResponseBody body) {
    send(to, 0, {version, std::move(body)}, std::nullopt);
  }

  /// Never retransmitted: what is lost is TCP's business.
  void send_data(Session& session, Bytes bundle) {
    const std::uint32_t sequence = session.next_sequence++;
    if (session.next_sequence == 0) session.next_sequence = 1;
    send(session.client, sequence, {session.version, ipr::Data{std::move(bundle)}}, 0U);
  }

  void send(const Sender& to, std::uint32_t sequence, const ipr::Response& response,
            std::optional<std::uint32_t> max_retransmissions) {
    Bytes message = ipr::encode(response);
    if (to.stream) {
      message =
          ipr::encode_stream_frame({*to.stream, ipr::StreamMessage::kData, sequence, message});
    }
    mixnet::SendOptions options;
    options.max_retransmissions = max_retransmissions;
    outputs_.emplace_back(RouterReply{to.tag, std::move(message), options});
  }

  const IpRouterConfig config_;
  base::Rng& rng_;
  std::map<SessionId, Session> sessions_;
  std::map<SenderTag, SessionId> by_tag_;
  std::set<std::uint16_t> hosts_;
  std::deque<RouterOutput> outputs_;
  base::Deadline idle_check_at_;
  SessionId last_id_ = 0;
  IpRouterStats stats_;
};

IpRouter::IpRouter(const IpRouterConfig& config, base::Rng& rng)
    : impl_(std::make_unique<Impl>(config, rng)) {}
IpRouter::~IpRouter() = default;

void IpRouter::receive(ByteView message, const std::optional<SenderTag>& sender, TimePoint now) {
  impl_->receive(message, sender, now);
}
void IpRouter::receive_packet(SessionId session, ByteView ip_packet, TimePoint now) {
  impl_->receive_packet(session, ip_packet, now);
}
std::optional<RouterOutput> IpRouter::poll_output() { return impl_->poll_output(); }
base::Deadline IpRouter::next_deadline() const { return impl_->next_deadline(); }
void IpRouter::expire(TimePoint now) { impl_->expire(now); }
IpRouterStats IpRouter::stats() const { return impl_->stats(); }

}  // namespace mix::localnet
