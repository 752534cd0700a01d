// Clients that say anything to the local mixnet's exit: messages raw, in frames, requests built
// well with packets of the input, answers from the internet, time.
#include <map>

#include "ip_packet.h"
#include "mix/ipr/bundle.h"
#include "mix/ipr/frame.h"
#include "mix/ipr/messages.h"
#include "mix/localnet/ip_router.h"
#include "support/target.h"

using namespace mix;

namespace {

constexpr std::size_t kMaxSessions = 3;

struct Session {
  localnet::IpAddress v4, v6;
};

class Exit {
 public:
  explicit Exit(base::Rng& rng) : router_(config(), rng) {}

  static localnet::IpRouterConfig config() {
    localnet::IpRouterConfig out;
    out.max_sessions = kMaxSessions;
    return out;
  }

  void say(std::uint8_t who, base::ByteView message) {
    std::optional<mixnet::SenderTag> sender;
    if (who % 5 != 0) sender = mixnet::SenderTag{{static_cast<std::uint8_t>(who % 5)}};
    router_.receive(message, sender, now_);
  }
  void ask(std::uint8_t who, ipr::ProtocolVersion version, ipr::RequestBody body) {
    const base::Bytes request = ipr::encode(ipr::Request{version, std::move(body)});
    if (version == ipr::ProtocolVersion::k8) {
      say(who, request);
    } else {
      say(who, ipr::encode_stream_frame({7, ipr::StreamMessage::kData, 0, request}));
    }
  }
  /// The addresses of the n-th session, if it is open.
  const Session* session(std::size_t n) const {
    if (sessions_.empty()) return nullptr;
    return &std::next(sessions_.begin(), static_cast<std::ptrdiff_t>(n % sessions_.size()))->second;
  }
  void answer(std::uint8_t session, base::ByteView packet) {
    router_.receive_packet(session, packet, now_);
  }
  void pass(base::Duration time) {
    now_ += time;
    router_.expire(now_);
  }
  void drain() {
    while (auto output = router_.poll_output()) {
      if (const auto* opened = std::get_if<localnet::SessionOpened>(&*output)) {
        sessions_[opened->session] = {opened->v4, opened->v6};
      } else if (const auto* closed = std::get_if<localnet::SessionClosed>(&*output)) {
        fuzz::require(sessions_.erase(closed->session) == 1, "the end of no session");
      } else if (const auto* forward = std::get_if<localnet::RouterForward>(&*output)) {
        const auto found = sessions_.find(forward->session);
        const auto packet = localnet::parse_ip_packet(forward->ip_packet);
        fuzz::require(found != sessions_.end() && packet.has_value(), "a stray packet leaves");
        fuzz::require(packet->source == found->second.v4 || packet->source == found->second.v6,
                      "a packet leaves under somebody else's address");
      }
    }
    fuzz::require(sessions_.size() <= kMaxSessions && router_.stats().sessions == sessions_.size(),
                  "the sessions do not add up");
  }

 private:
  localnet::IpRouter router_;
  std::map<localnet::SessionId, Session> sessions_;
  base::TimePoint now_{std::chrono::hours{1}};
};

/// An IPv4 packet of a session's client, with what the input says behind the addresses.
base::Bytes packet_of(const localnet::IpAddress& source, fuzz::Parts& parts) {
  base::Writer head;
  const base::ByteView target = parts.take(4);
  const std::uint8_t protocol = parts.u8();
  const base::ByteView body = parts.part();
  head.u8(0x45).u8(0).u16be(static_cast<std::uint16_t>(localnet::kIpv4HeaderSize + body.size()));
  head.u32be(0).u8(64).u8(protocol).u16be(0).bytes(source.view()).bytes(target);
  base::Bytes out = head.take();
  out.resize(localnet::kIpv4HeaderSize);
  const std::uint16_t sum = localnet::checksum(out);
  out[10] = static_cast<std::uint8_t>(sum >> 8);
  out[11] = static_cast<std::uint8_t>(sum);
  base::append(out, body);
  return out;
}

}  // namespace

MIX_FUZZ(localnet_exit) {
  if (const auto packet = localnet::parse_ip_packet(input)) {
    fuzz::require(packet->size <= input.size() && packet->transport_at <= packet->size,
                  "a packet beyond its end");
    (void)localnet::is_icmp_error(*packet);
  }
  (void)localnet::parse_quoted_packet(input);
  fuzz::FixedRng rng;
  Exit exit(rng);
  fuzz::Parts parts(input);
  for (int i = 0; i < 64 && !parts.empty(); ++i) {
    const std::uint8_t what = parts.u8();
    const std::uint8_t who = parts.u8();
    const auto version = static_cast<ipr::ProtocolVersion>(8 + who % 3);
    if (what < 48) {
      exit.say(who, parts.part());
    } else if (what < 80) {
      exit.say(who, ipr::encode_stream_frame(
                        {parts.u8(), ipr::StreamMessage::kData, parts.u8(), parts.part()}));
    } else if (what < 112) {
      exit.ask(who, version, ipr::ConnectRequest{what, std::nullopt, {}});
    } else if (what < 120) {
      exit.ask(who, version, ipr::DisconnectRequest{what, {}});
    } else if (what < 128) {
      exit.ask(who, version, ipr::PingRequest{what, {}});
    } else if (what < 136) {
      exit.ask(who, version, ipr::HealthRequest{what, {}});
    } else if (what < 208) {
      base::Bytes bundle;
      const Session* session = exit.session(who);
      for (int k = 0; k <= what % 3; ++k) {
        ipr::append_to_bundle(
            bundle, packet_of(session == nullptr ? localnet::IpAddress{} : session->v4, parts));
      }
      exit.ask(who, version, ipr::Data{std::move(bundle)});
    } else if (what < 232) {
      exit.answer(who % 8, parts.part());
    } else {
      exit.pass(std::chrono::seconds{what - 231});
    }
    exit.drain();
  }
}
