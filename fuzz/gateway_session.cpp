// The client's session with a gateway that says anything: texts from a list or from the input,
// frames raw or sealed with the right key, time, the end of the link.
#include "mix/gateway/frames.h"
#include "mix/gateway/session.h"
#include "support/target.h"

using namespace mix;

namespace {

constexpr std::array<std::string_view, 9> kTexts{
    R"({"type":"supportedProtocol","version":6})",
    R"({"type":"supportedProtocol","version":4})",
    R"({"type":"authenticate","protocol_version":6,"status":true,"bandwidth_remaining":1000,"upgrade_mode":false})",
    R"({"type":"register","protocol_version":6,"status":true,"upgrade_mode":false})",
    R"({"type":"bandwidth","available_total":68719476736,"upgrade_mode":false})",
    R"({"type":"send","remaining_bandwidth":10,"upgrade_mode":false})",
    R"({"type":"typedError","error":{"out_of_bandwidth":{"required":2413,"available":100}}})",
    R"({"type":"error","message":"nonsense"})",
    R"({"type":"handshakePayload","data":[1,2,3]})",
};

}  // namespace

MIX_FUZZ(gateway_session) {
  static const crypto::GcmSiv cipher{crypto::AesKey256{}};
  static fuzz::FixedRng key_rng;
  static const auto identity = crypto::Ed25519KeyPair::generate(key_rng);
  fuzz::FixedRng rng;
  fuzz::Parts parts(input);
  gateway::SessionConfig config;
  config.gateway_identity = identity.public_key;
  const bool knows_key = (parts.u8() & 1) != 0;
  gateway::Session session(config, identity,
                           knows_key ? std::optional{gateway::SharedKey{}} : std::nullopt, rng,
                           base::null_log());
  base::TimePoint now{};
  const base::WallTime wall{std::chrono::seconds{1748736000}};
  session.opened(now, wall);
  while (!parts.empty()) {
    const std::uint8_t what = parts.u8();
    if (what < 16) {
      session.receive(gateway::TextFrame{std::string{kTexts[what % kTexts.size()]}}, now, wall);
    } else if (what < 64) {
      session.receive(gateway::TextFrame{base::to_string(parts.part())}, now, wall);
    } else if (what < 128) {
      session.receive(gateway::BinaryFrame{base::to_bytes(parts.part())}, now, wall);
    } else if (what < 192) {
      session.receive(gateway::BinaryFrame{gateway::seal_push_frame(cipher, {}, parts.part())}, now,
                      wall);
    } else if (what < 224) {
      now += std::chrono::seconds{what};
      session.expire(now);
    } else if (what < 250) {
      (void)session.send(parts.part());
    } else {
      session.closed(now);
    }
    while (session.poll_output()) {
    }
    while (session.poll_event()) {
    }
    fuzz::require(!session.active() || knows_key, "active without a key");
  }
}
