#include "mix/gateway/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gateway_vectors.h"
#include "mix/gateway/authentication.h"
#include "mix/gateway/messages.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::gateway {
namespace {

using base::Bytes;
using base::Errc;
using std::chrono::seconds;

constexpr std::string_view kClaim = R"({"type":"claimFreeTestnetBandwidth"})";
constexpr std::string_view kVersionSix = R"({"type":"supportedProtocol","version":6})";
constexpr std::string_view kBandwidth =
    R"({"type":"bandwidth","available_total":68719476736,"upgrade_mode":false})";
constexpr std::string_view kSend =
    R"({"type":"send","remaining_bandwidth":68719474323,"upgrade_mode":false})";
constexpr std::string_view kOutOfBandwidth =
    R"({"type":"typedError","error":{"out_of_bandwidth":{"required":2413,"available":100}}})";
constexpr std::string_view kRegistered =
    R"({"type":"register","protocol_version":6,"status":true,"upgrade_mode":false})";

std::string authenticated(std::int64_t bandwidth) {
  return R"({"type":"authenticate","protocol_version":6,"status":true,"bandwidth_remaining":)" +
         std::to_string(bandwidth) + R"(,"upgrade_mode":false})";
}

std::string error(std::string_view text) {
  return R"({"type":"error","message":")" + std::string{text} + "\"}";
}

class CountingLog final : public base::Log {
 public:
  void event(const char* name, std::int64_t value) override { events.emplace_back(name, value); }
  std::vector<std::pair<std::string, std::int64_t>> events;
};

/// A session with a scripted gateway on the other end of its link.
class SessionTest : public testing::Test {
 protected:
  void start(std::optional<SharedKey> known_key = std::nullopt) {
    session_ = std::make_unique<Session>(config_, client_, std::move(known_key), rng_, log_);
    session_->opened(clock_.now(), clock_.wall_now());
  }

  // --- what the session sends ---

  std::optional<std::string> sent_text() {
    const auto frame = session_->poll_output();
    if (!frame) return std::nullopt;
    const auto* text = std::get_if<TextFrame>(&*frame);
    if (text == nullptr) {
      ADD_FAILURE() << "a binary frame where text was expected";
      return std::nullopt;
    }
    return text->text;
  }
  template <class Message>
  Message sent() {
    const auto text = sent_text();
    const auto request = decode_request(text.value_or(""));
    if (!request || !std::holds_alternative<Message>(*request)) {
      ADD_FAILURE() << "unexpected: " << text.value_or("nothing");
      return Message{};
    }
    return std::get<Message>(*request);
  }
  Bytes sent_binary() {
    const auto frame = session_->poll_output();
    if (!frame || !std::holds_alternative<BinaryFrame>(*frame)) {
      ADD_FAILURE() << "no binary frame";
      return {};
    }
    return std::get<BinaryFrame>(*frame).bytes;
  }
  bool silent() { return !session_->poll_output().has_value(); }

  // --- what the gateway sends ---

  void reply(std::string_view text) {
    session_->receive(TextFrame{std::string{text}}, clock_.now(), clock_.wall_now());
  }
  void reply(const Response& response) { reply(encode_response(response)); }
  void reply_binary(Bytes frame) {
    session_->receive(BinaryFrame{std::move(frame)}, clock_.now(), clock_.wall_now());
  }
  void push(base::ByteView plaintext, const SharedKey& key) {
    reply_binary(seal_push_frame(crypto::GcmSiv(key), rng_.bytes<kNonceSize>(), plaintext));
  }

  // --- events ---

  template <class E>
  std::optional<E> event() {
    auto next = session_->poll_event();
    if (!next) return std::nullopt;
    if (auto* wanted = std::get_if<E>(&*next)) return std::move(*wanted);
    ADD_FAILURE() << "another event: " << next->index();
    return std::nullopt;
  }
  void expect_failure(Errc code) {
    const auto failure = event<SessionFailed>();
    ASSERT_TRUE(failure.has_value()) << base::error_name(code);
    EXPECT_EQ(base::error_name(failure->error.code), base::error_name(code));
    EXPECT_FALSE(session_->active());
    EXPECT_TRUE(silent());
    EXPECT_EQ(session_->next_deadline(), std::nullopt);
    EXPECT_EQ(session_->send(Bytes{1}).error().code, Errc::usage_not_ready);
  }
  bool no_event() { return !session_->poll_event().has_value(); }

  // --- scripts ---

  /// The gateway's half of the handshake up to its answer, from the session's first message.
  HandshakePayload answer_to(const HandshakePayload& first, std::uint8_t version) {
    init_ = decode_handshake_init(first.data).value();
    auto key = derive_shared_key(gateway_ephemeral_.secret, init_.client_ephemeral, init_.salt);
    key_ = std::move(*key);
    return {version,
            build_handshake_answer(gateway_, gateway_ephemeral_.public_key, init_.client_ephemeral,
                                   *key_, rng_.bytes<kNonceSize>())};
  }

  void register_client(std::uint8_t version = 6) {
    start();
    EXPECT_EQ(sent_text(), R"({"type":"supportedProtocol"})");
    reply(Response{SupportedProtocolResponse{version}});
    reply(Response{answer_to(sent<HandshakePayload>(), version)});
    const auto proof = sent<HandshakePayload>();
    EXPECT_TRUE(verify_handshake_proof(proof.data, init_, gateway_ephemeral_.public_key, *key_)
                    .has_value());
    reply(R"({"type":"handshakePayload","protocol_version":6,"data":[1]})");
    reply(kRegistered);
    const auto activated = event<Activated>();
    ASSERT_TRUE(activated.has_value());
    EXPECT_EQ(activated->how, Activated::How::kRegistered);
  }

  /// Registered, with the first claim granted.
  void activate() {
    register_client();
    EXPECT_EQ(sent_text(), kClaim);
    reply(kBandwidth);
    EXPECT_TRUE(silent());
    EXPECT_TRUE(no_event());
  }

  void log_in(std::int64_t bandwidth = kFreeBandwidth) {
    start(known_key_.clone());
    EXPECT_EQ(sent_text(), R"({"type":"supportedProtocol"})");
    reply(kVersionSix);
    sent<AuthenticateV2Request>();
    reply(authenticated(bandwidth));
    EXPECT_TRUE(event<Activated>().has_value());
  }

  GatewayVectors vectors_;
  crypto::Ed25519KeyPair client_ = vectors_.client();
  crypto::Ed25519KeyPair gateway_ = vectors_.gateway();
  crypto::X25519KeyPair gateway_ephemeral_ = vectors_.gateway_ephemeral();
  SharedKey known_key_ = vectors_.shared_key();
  SessionConfig config_{.gateway_identity = gateway_.public_key};
  test::ManualClock clock_;
  test::SeededRng rng_{1};
  CountingLog log_;
  std::unique_ptr<Session> session_;
  HandshakeInit init_;
  std::optional<SharedKey> key_;  // as the gateway derived it
};

// --- version ---

TEST_F(SessionTest, SaysNothingBeforeTheLinkIsOpen) {
  session_ = std::make_unique<Session>(config_, client_, std::nullopt, rng_, log_);
  EXPECT_TRUE(silent());
  EXPECT_EQ(session_->next_deadline(), std::nullopt);
  reply(kVersionSix);
  EXPECT_TRUE(silent());
  EXPECT_TRUE(no_event());
}

TEST_F(SessionTest, AsksForTheVersionFirst) {
  start();
  EXPECT_EQ(sent_text(), R"({"type":"supportedProtocol"})");
  EXPECT_TRUE(silent());
  EXPECT_EQ(session_->next_deadline(), clock_.now() + seconds{10});
  session_->opened(clock_.now(), clock_.wall_now());
  EXPECT_TRUE(silent());
}

TEST_F(SessionTest, ProposesTheLowerOfTheTwoVersions) {
  for (const auto& [theirs, proposed] :
       std::vector<std::pair<int, int>>{{4, 4}, {5, 5}, {6, 6}, {7, 6}, {255, 6}}) {
    start();
    sent<SupportedProtocolRequest>();
    reply(Response{SupportedProtocolResponse{static_cast<std::uint8_t>(theirs)}});
    EXPECT_EQ(sent<HandshakePayload>().protocol_version, proposed);
  }
}

TEST_F(SessionTest, RefusesAGatewayBelowVersionFour) {
  for (const std::uint8_t version : Bytes{0, 1, 2, 3}) {
    start();
    sent<SupportedProtocolRequest>();
    reply(Response{SupportedProtocolResponse{version}});
    expect_failure(Errc::gateway_old_protocol);
  }
}

TEST_F(SessionTest, AGatewayThatDoesNotKnowTheVersionRequestIsOld) {
  start();
  sent<SupportedProtocolRequest>();
  reply(error("Only 'Register' or 'Authenticate' requests are allowed"));
  expect_failure(Errc::gateway_old_protocol);
}

// --- registration ---

TEST_F(SessionTest, RegistersWithFreshKeysAndTheGatewaysKeyAgrees) {
  register_client();
  EXPECT_EQ(init_.client_identity, client_.public_key);
  ASSERT_TRUE(session_->shared_key().has_value());
  EXPECT_TRUE(crypto::ct_equal(session_->shared_key()->reveal(), key_->reveal()));
  EXPECT_TRUE(session_->active());
  const HandshakeInit first = init_;
  register_client();
  EXPECT_NE(init_.client_ephemeral, first.client_ephemeral);
  EXPECT_NE(init_.salt, first.salt);
}

TEST_F(SessionTest, TheHandshakeIsWrittenAsTheSpecShows) {
  start();
  sent_text();
  reply(kVersionSix);
  const std::string first = sent_text().value_or("");
  EXPECT_TRUE(
      first.starts_with(R"({"type":"handshakePayload","protocol_version":6,"data":[121,181,)"))
      << first;
  EXPECT_EQ(std::ranges::count(first, ','), 2 + 79);
}

TEST_F(SessionTest, TheGatewaysFirstMessageSettlesTheVersion) {
  start();
  sent_text();
  reply(kVersionSix);
  reply(Response{answer_to(sent<HandshakePayload>(), 5)});
  EXPECT_EQ(sent<HandshakePayload>().protocol_version, 5);
  reply(Response{HandshakePayload{5, encode_handshake_confirmation()}});
  reply(Response{RegisterResponse{5, true}});
  EXPECT_EQ(event<Activated>()->protocol_version, 5);
  EXPECT_EQ(session_->packet_format(), PacketFormat::kV2);
}

TEST_F(SessionTest, VersionFourSendsPacketsWithoutRotation) {
  register_client(4);
  EXPECT_EQ(session_->packet_format(), PacketFormat::kV1);
  EXPECT_EQ(sent_text(), kClaim);
  ASSERT_TRUE(session_->send(Bytes{1, 2, 3}).has_value());
  EXPECT_EQ(sent_binary()[0], 1);
}

TEST_F(SessionTest, AVersionOutsideOursInTheHandshakeIsRefused) {
  for (const std::uint8_t version : Bytes{3, 7, 255}) {
    start();
    sent_text();
    reply(kVersionSix);
    reply(Response{answer_to(sent<HandshakePayload>(), version)});
    expect_failure(Errc::gateway_old_protocol);
  }
}

TEST_F(SessionTest, AHandshakeWithoutVersionKeepsTheProposedOne) {
  start();
  sent_text();
  reply(kVersionSix);
  reply(Response{answer_to(sent<HandshakePayload>(), 0)});
  EXPECT_EQ(sent<HandshakePayload>().protocol_version, 6);
}

TEST_F(SessionTest, AnotherGatewaysSignatureIsRefused) {
  config_.gateway_identity = client_.public_key;
  start();
  sent_text();
  reply(kVersionSix);
  reply(Response{answer_to(sent<HandshakePayload>(), 6)});
  expect_failure(Errc::gateway_bad_handshake);
  EXPECT_EQ(session_->shared_key(), std::nullopt);
}

TEST_F(SessionTest, AChangedHandshakeAnswerIsRefused) {
  for (const std::size_t at : {0U, 31U, 32U, 96U, 111U, 112U, 123U}) {
    start();
    sent_text();
    reply(kVersionSix);
    HandshakePayload answer = answer_to(sent<HandshakePayload>(), 6);
    answer.data[at] ^= 1;
    reply(Response{answer});
    expect_failure(Errc::gateway_bad_handshake);
  }
}

TEST_F(SessionTest, ARefusedProofIsABadHandshake) {
  for (const Bytes& verdict : {Bytes{0}, Bytes{}, Bytes{1, 1}}) {
    start();
    sent_text();
    reply(kVersionSix);
    reply(Response{answer_to(sent<HandshakePayload>(), 6)});
    sent<HandshakePayload>();
    reply(Response{HandshakePayload{6, verdict}});
    expect_failure(Errc::gateway_bad_handshake);
  }
}

TEST_F(SessionTest, AHandshakeErrorAndItsDoubledEchoFailOnce) {
  start();
  sent_text();
  reply(kVersionSix);
  sent<HandshakePayload>();
  reply(R"({"type":"handshakeError","message":"sent request was malformed"})");
  reply(error("Failed to perform registration handshake: sent request was malformed"));
  reply(error("Failed to perform registration handshake: sent request was malformed"));
  session_->closed(clock_.now());
  expect_failure(Errc::gateway_bad_handshake);
  EXPECT_TRUE(no_event());
}

TEST_F(SessionTest, ARegistrationWithStatusFalseIsRefused) {
  start();
  sent_text();
  reply(kVersionSix);
  reply(Response{answer_to(sent<HandshakePayload>(), 6)});
  sent<HandshakePayload>();
  reply(Response{HandshakePayload{6, encode_handshake_confirmation()}});
  reply(R"({"type":"register","status":false})");
  expect_failure(Errc::gateway_refused);
}

TEST_F(SessionTest, OtherAnswersDuringTheHandshakeAreIgnored) {
  start();
  sent_text();
  reply(kSend);
  reply(R"({"type":"news","text":"hello"})");
  reply(kVersionSix);
  const auto first = sent<HandshakePayload>();
  reply(kVersionSix);
  reply(kBandwidth);
  reply_binary(Bytes(100, 7));
  reply_binary({});
  EXPECT_EQ(session_->dropped_frames(), 2U);
  reply(Response{answer_to(first, 6)});
  sent<HandshakePayload>();
  EXPECT_TRUE(silent());
  EXPECT_TRUE(no_event());
}

TEST_F(SessionTest, StoredMessagesBeforeTheRegistrationAnswerAreDelivered) {
  start();
  sent_text();
  reply(kVersionSix);
  reply(Response{answer_to(sent<HandshakePayload>(), 6)});
  sent<HandshakePayload>();
  reply(Response{HandshakePayload{6, encode_handshake_confirmation()}});
  push(Bytes{1, 2, 3}, *key_);
  reply(kRegistered);
  EXPECT_EQ(event<Delivered>()->plaintext, (Bytes{1, 2, 3}));
  EXPECT_TRUE(event<Activated>().has_value());
}

// --- authentication ---

TEST_F(SessionTest, AuthenticatesWithAKnownKey) {
  clock_.set_wall(base::WallTime{seconds{1795237133}} + std::chrono::milliseconds{999});
  start(known_key_.clone());
  sent_text();
  reply(kVersionSix);
  const auto request = sent<AuthenticateV2Request>();
  EXPECT_EQ(request.unix_timestamp, 1795237133U);
  EXPECT_EQ(request.client_identity, client_.public_key);
  EXPECT_TRUE(verify_authentication(request, clock_.wall_now()).has_value());
  EXPECT_TRUE(verify_authentication_key(request, known_key_).has_value());
  EXPECT_EQ(session_->login_timestamp(), 1795237133U);
  reply(authenticated(68719476736));
  const auto activated = event<Activated>();
  ASSERT_TRUE(activated.has_value());
  EXPECT_EQ(activated->how, Activated::How::kAuthenticated);
  EXPECT_EQ(session_->remaining_bandwidth(), 68719476736);
  EXPECT_TRUE(silent()) << "enough bandwidth: no claim";
  EXPECT_EQ(session_->next_deadline(), std::nullopt);
}

TEST_F(SessionTest, TwoLoginsNeverShareASecond) {
  config_.last_login_timestamp = 1795237133;
  for (const int late_by : {-3, 0, 1, 5}) {
    clock_.set_wall(base::WallTime{seconds{1795237133 + late_by}});
    start(known_key_.clone());
    sent_text();
    reply(kVersionSix);
    EXPECT_EQ(sent<AuthenticateV2Request>().unix_timestamp,
              static_cast<std::uint64_t>(1795237133 + std::max(late_by, 1)));
  }
}

TEST_F(SessionTest, StoredMessagesBeforeTheLoginAnswerAreDelivered) {
  start(known_key_.clone());
  sent_text();
  push(Bytes(21, 5), known_key_);
  reply(kVersionSix);
  sent<AuthenticateV2Request>();
  push(Bytes(1643, 6), known_key_);
  reply(authenticated(0));
  EXPECT_EQ(event<Delivered>()->plaintext, Bytes(21, 5));
  EXPECT_EQ(event<Delivered>()->plaintext, Bytes(1643, 6));
  EXPECT_TRUE(event<Activated>().has_value());
  EXPECT_EQ(session_->dropped_frames(), 0U);
}

TEST_F(SessionTest, EachRefusalHasItsOwnCode) {
  const std::vector<std::pair<std::string, Errc>> rows = {
      {"the client is not registered", Errc::gateway_not_registered},
      {"failed to verify provided address ciphertext", Errc::gateway_refused},
      {"There is already an open connection to this client", Errc::gateway_session_in_use},
      {"the provided request timestamp is excessively skewed. got 2020-01-01 whilst the server "
       "time "
       "is 2026-01-01",
       Errc::gateway_clock_skew},
      {"the provided request timestamp is smaller or equal to one previously used",
       Errc::gateway_stale_login},
      {"attempted to overwrite client session with a stale authentication",
       Errc::gateway_stale_login},
      {"Attempted to negotiate connection with client using incompatible protocol version. Ours is "
       "6 and the client reports 99",
       Errc::gateway_old_protocol},
      {"some words of the future", Errc::gateway_refused},
      {"", Errc::gateway_refused},
  };
  for (const auto& [text, code] : rows) {
    start(known_key_.clone());
    sent_text();
    reply(kVersionSix);
    sent_text();
    // Errors before authentication come twice. spec: gateway §8
    reply(error(text));
    reply(error(text));
    const auto failure = event<SessionFailed>();
    ASSERT_TRUE(failure.has_value()) << text;
    EXPECT_EQ(base::error_name(failure->error.code), base::error_name(code)) << text;
    EXPECT_EQ(failure->error.context, text);
    EXPECT_TRUE(no_event());
    EXPECT_TRUE(silent());
  }
}

TEST_F(SessionTest, AnOpenConnectionRefusesARegistrationToo) {
  start();
  sent_text();
  reply(kVersionSix);
  sent_text();
  reply(error("There is already an open connection to this client"));
  expect_failure(Errc::gateway_session_in_use);
}

TEST_F(SessionTest, TheGatewaysWordsAreQuotedWithinBoundsAndAsUtf8) {
  std::string text;
  for (int i = 0; i < 150; ++i) text += "\xc3\xa9";  // 300 bytes of é
  for (const char* shift : {"", "x"}) {
    start(known_key_.clone());
    sent_text();
    reply(kVersionSix);
    reply(error(shift + text));
    const auto failure = event<SessionFailed>();
    ASSERT_TRUE(failure.has_value());
    EXPECT_GE(failure->error.context.size(), 199U);
    EXPECT_LE(failure->error.context.size(), 200U);
    EXPECT_TRUE(base::is_utf8(base::as_bytes(failure->error.context)));
  }
}

TEST_F(SessionTest, ATypedErrorOrStatusFalseRefusesTheLogin) {
  for (const std::string_view answer :
       {std::string_view{R"({"type":"typedError","error":"ticket_replay"})"}, kOutOfBandwidth,
        std::string_view{R"({"type":"authenticate","status":false,"bandwidth_remaining":0})"}}) {
    start(known_key_.clone());
    sent_text();
    reply(kVersionSix);
    sent_text();
    reply(answer);
    expect_failure(Errc::gateway_refused);
  }
}

// --- garbage, silence, the end of the link ---

TEST_F(SessionTest, GarbageBeforeActivationIsMalformed) {
  for (const std::string_view garbage :
       {"<html>502 Bad Gateway</html>", "", "{}", R"({"type":"supportedProtocol"})"}) {
    start();
    sent_text();
    reply(garbage);
    expect_failure(Errc::gateway_malformed);
  }
}

TEST_F(SessionTest, EachStepOfTheHandshakeHasADeadline) {
  for (int step = 0; step < 4; ++step) {
    start();
    sent_text();
    if (step > 0) reply(kVersionSix);
    if (step > 1) reply(Response{answer_to(sent<HandshakePayload>(), 6)});
    if (step > 2) reply(Response{HandshakePayload{6, encode_handshake_confirmation()}});
    const auto deadline = session_->next_deadline();
    ASSERT_EQ(deadline, clock_.now() + seconds{10}) << step;
    session_->expire(*deadline - std::chrono::nanoseconds{1});
    EXPECT_TRUE(no_event());
    while (session_->poll_output()) {
    }
    session_->expire(*deadline);
    expect_failure(Errc::gateway_timeout);
  }
}

TEST_F(SessionTest, EachStepStartsTheWaitAnew) {
  start(known_key_.clone());
  clock_.advance(seconds{9});
  reply(kVersionSix);
  EXPECT_EQ(session_->next_deadline(), clock_.now() + seconds{10});
  clock_.advance(seconds{9});
  reply(authenticated(kFreeBandwidth));
  EXPECT_TRUE(event<Activated>().has_value());
  EXPECT_EQ(session_->next_deadline(), std::nullopt);
}

TEST_F(SessionTest, ALinkThatNeverOpensIsUnreachable) {
  session_ = std::make_unique<Session>(config_, client_, std::nullopt, rng_, log_);
  session_->closed(clock_.now());
  expect_failure(Errc::gateway_unreachable);
}

TEST_F(SessionTest, ALinkThatEndsIsClosedOnce) {
  activate();
  session_->closed(clock_.now());
  session_->closed(clock_.now());
  expect_failure(Errc::gateway_closed);
  EXPECT_TRUE(no_event());
  reply(kSend);
  push(Bytes{1}, *key_);
  EXPECT_TRUE(no_event());
}

TEST_F(SessionTest, ALinkThatEndsInTheHandshakeIsClosed) {
  start();
  session_->closed(clock_.now());
  expect_failure(Errc::gateway_closed);
}

// --- packets ---

TEST_F(SessionTest, SealsPacketsForTheGateway) {
  activate();
  const Bytes packet(2422, 9);
  ASSERT_TRUE(session_->send(packet).has_value());
  ASSERT_TRUE(session_->send(packet).has_value());
  const Bytes first = sent_binary(), second = sent_binary();
  EXPECT_NE(first, second) << "nonces must differ";
  const auto opened = open_packet_frame(crypto::GcmSiv(*key_), first);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->format, PacketFormat::kV2);
  EXPECT_EQ(opened->mix_packet, packet);
}

TEST_F(SessionTest, SendingBeforeActivationIsRefused) {
  start();
  EXPECT_EQ(session_->send(Bytes{1}).error().code, Errc::usage_not_ready);
  sent_text();
  reply(kVersionSix);
  EXPECT_EQ(session_->send(Bytes{1}).error().code, Errc::usage_not_ready);
}

TEST_F(SessionTest, AFullQueueRefusesPackets) {
  config_.max_queued = 3;
  activate();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(session_->send(Bytes{1}).has_value());
  EXPECT_EQ(session_->send(Bytes{1}).error().code, Errc::usage_queue_full);
  sent_binary();
  EXPECT_TRUE(session_->send(Bytes{1}).has_value());
}

TEST_F(SessionTest, DeliversWhatTheGatewayPushes) {
  activate();
  push(Bytes(21, 1), *key_);
  push(Bytes(1643, 2), *key_);
  EXPECT_EQ(event<Delivered>()->plaintext, Bytes(21, 1));
  EXPECT_EQ(event<Delivered>()->plaintext, Bytes(1643, 2));
  EXPECT_EQ(session_->dropped_frames(), 0U);
}

TEST_F(SessionTest, AnUnreadableFrameIsCountedAndDropped) {
  activate();
  const Bytes good = seal_push_frame(crypto::GcmSiv(*key_), {}, Bytes(21, 1));
  std::uint64_t dropped = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes changed = good;
    changed[i] ^= 0x10;
    reply_binary(changed);
    reply_binary(base::to_bytes(base::ByteView(good).first(i)));
    dropped += 2;
  }
  EXPECT_EQ(session_->dropped_frames(), dropped);
  EXPECT_TRUE(no_event());
  EXPECT_TRUE(session_->active());
  EXPECT_EQ(log_.events.back(), (std::pair<std::string, std::int64_t>{
                                    "gateway.frame_dropped", static_cast<std::int64_t>(dropped)}));
  reply_binary(good);
  EXPECT_TRUE(event<Delivered>().has_value());
}

TEST_F(SessionTest, UnreadableTextWhileActiveIsDropped) {
  activate();
  reply("<html>");
  reply(R"({"type":"send"})");
  reply(R"({"type":"news"})");
  reply(kVersionSix);
  EXPECT_TRUE(session_->active());
  EXPECT_TRUE(no_event());
  EXPECT_EQ(session_->dropped_frames(), 2U);
}

TEST_F(SessionTest, AFloodOfPushesIsBounded) {
  config_.max_queued = 10;
  activate();
  for (int i = 0; i < 25; ++i) push(Bytes(21, 1), *key_);
  EXPECT_EQ(session_->dropped_frames(), 15U);
  int delivered = 0;
  while (session_->poll_event()) ++delivered;
  EXPECT_EQ(delivered, 10);
}

// --- bandwidth ---

TEST_F(SessionTest, ClaimsAfterRegistration) {
  register_client();
  EXPECT_EQ(session_->remaining_bandwidth(), 0);
  EXPECT_EQ(sent_text(), kClaim);
  EXPECT_EQ(session_->next_deadline(), clock_.now() + seconds{30});
  reply(kBandwidth);
  EXPECT_EQ(session_->remaining_bandwidth(), 68719476736);
  EXPECT_EQ(session_->next_deadline(), std::nullopt);
}

TEST_F(SessionTest, ClaimsAfterALoginBelowTheThreshold) {
  log_in(39'999'999);
  EXPECT_EQ(sent_text(), kClaim);
  log_in(40'000'000);
  EXPECT_TRUE(silent());
}

TEST_F(SessionTest, PacketsFlowWhileAClaimIsUnderWay) {
  register_client();
  EXPECT_EQ(sent_text(), kClaim);
  ASSERT_TRUE(session_->send(Bytes{1}).has_value());
  EXPECT_EQ(sent_binary()[0], 2);
}

TEST_F(SessionTest, SendAnswersInterleaveWithTheClaimAnswer) {
  log_in();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(session_->send(Bytes{1}).has_value());
    sent_binary();
  }
  reply(R"({"type":"send","remaining_bandwidth":39000000,"upgrade_mode":false})");
  EXPECT_EQ(sent_text(), kClaim);
  reply(R"({"type":"send","remaining_bandwidth":38000000,"upgrade_mode":false})");
  reply(R"({"type":"send","remaining_bandwidth":37000000})");
  EXPECT_TRUE(silent()) << "one claim at a time";
  EXPECT_EQ(session_->remaining_bandwidth(), 37000000);
  EXPECT_NE(session_->next_deadline(), std::nullopt) << "a send answer is not the claim's";
  reply(R"({"type":"send","remaining_bandwidth":36000000})");
  reply(R"({"type":"bandwidth","available_total":68755476736})");
  EXPECT_EQ(session_->remaining_bandwidth(), 68755476736);
  EXPECT_EQ(session_->next_deadline(), std::nullopt);
  EXPECT_TRUE(no_event());
}

TEST_F(SessionTest, AGrantBelowTheThresholdIsNotClaimedAgainAtOnce) {
  register_client();
  EXPECT_EQ(sent_text(), kClaim);
  reply(R"({"type":"bandwidth","available_total":1000000})");
  reply(R"({"type":"send","remaining_bandwidth":990000})");
  EXPECT_TRUE(silent());
  reply(kOutOfBandwidth);
  EXPECT_TRUE(event<OutOfBandwidth>().has_value());
  EXPECT_EQ(sent_text(), kClaim);
}

TEST_F(SessionTest, MidnightIsSurvivedByAClaim) {
  activate();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(session_->send(Bytes{1}).has_value());
    sent_binary();
  }
  reply(kSend);
  for (int i = 0; i < 2; ++i) {
    reply(R"({"type":"typedError","error":{"out_of_bandwidth":{"required":2413,"available":0}}})");
    EXPECT_TRUE(event<OutOfBandwidth>().has_value());
  }
  EXPECT_EQ(session_->remaining_bandwidth(), 0);
  EXPECT_EQ(sent_text(), kClaim);
  EXPECT_TRUE(silent()) << "one claim at a time";
  reply(kBandwidth);
  EXPECT_EQ(session_->remaining_bandwidth(), 68719476736);
  EXPECT_TRUE(session_->active());
}

TEST_F(SessionTest, AGatewayThatGrantsAndRefusesForeverIsGivenUp) {
  activate();
  for (int i = 0; i < 2; ++i) {
    reply(kOutOfBandwidth);
    EXPECT_TRUE(event<OutOfBandwidth>().has_value());
    EXPECT_EQ(sent_text(), kClaim);
    reply(kBandwidth);
  }
  reply(kOutOfBandwidth);
  EXPECT_TRUE(event<OutOfBandwidth>().has_value());
  expect_failure(Errc::gateway_out_of_bandwidth);
}

TEST_F(SessionTest, AForwardedPacketEndsTheRowOfFruitlessClaims) {
  activate();
  for (int i = 0; i < 10; ++i) {
    reply(kOutOfBandwidth);
    EXPECT_TRUE(event<OutOfBandwidth>().has_value());
    EXPECT_EQ(sent_text(), kClaim);
    reply(kBandwidth);
    reply(kSend);
  }
  EXPECT_TRUE(session_->active());
}

TEST_F(SessionTest, ARefusedClaimWithNothingLeftIsFatal) {
  register_client();
  EXPECT_EQ(sent_text(), kClaim);
  reply(error("this gateway accepts only coconut credentials for bandwidth"));
  const auto failure = event<SessionFailed>();
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->error.code, Errc::gateway_out_of_bandwidth);
  EXPECT_EQ(failure->error.context, "this gateway accepts only coconut credentials for bandwidth");
}

TEST_F(SessionTest, ARefusedClaimWithSomeLeftIsNotFatalUntilItIsSpent) {
  log_in(1'000'000);
  EXPECT_EQ(sent_text(), kClaim);
  reply(error("no"));
  EXPECT_TRUE(session_->active());
  EXPECT_EQ(session_->next_deadline(), std::nullopt);
  reply(R"({"type":"send","remaining_bandwidth":990000})");
  EXPECT_TRUE(silent());
  reply(kOutOfBandwidth);
  EXPECT_TRUE(event<OutOfBandwidth>().has_value());
  EXPECT_EQ(sent_text(), kClaim);
  reply(error("no"));
  expect_failure(Errc::gateway_out_of_bandwidth);
}

TEST_F(SessionTest, AnErrorForAnEarlierPacketIsNotTheClaimsAnswer) {
  log_in();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(session_->send(Bytes{1}).has_value());
    sent_binary();
  }
  reply(kOutOfBandwidth);  // the first packet
  EXPECT_TRUE(event<OutOfBandwidth>().has_value());
  EXPECT_EQ(sent_text(), kClaim);
  reply(error("Provided binary request was malformed - failed to serialise"));  // the second
  reply(error("Provided binary request was malformed - failed to serialise"));  // the third
  EXPECT_TRUE(session_->active());
  EXPECT_TRUE(no_event());
  reply(error("only credentials"));  // the claim
  expect_failure(Errc::gateway_out_of_bandwidth);
}

TEST_F(SessionTest, AnErrorWithoutAClaimLeavesTheSessionAlone) {
  activate();
  reply(error("received a text request of an unknown type"));
  reply(R"({"type":"typedError","error":"ticket_replay"})");
  EXPECT_TRUE(session_->active());
  EXPECT_TRUE(no_event());
  EXPECT_TRUE(silent());
}

TEST_F(SessionTest, AnEmptyGrantIsFatal) {
  register_client();
  sent_text();
  reply(R"({"type":"bandwidth","available_total":0})");
  expect_failure(Errc::gateway_out_of_bandwidth);
}

TEST_F(SessionTest, AnUnansweredClaimIsFatalOnlyWithNothingLeft) {
  register_client();
  sent_text();
  clock_.advance(seconds{30});
  session_->expire(clock_.now());
  expect_failure(Errc::gateway_timeout);

  log_in(1'000'000);
  EXPECT_EQ(sent_text(), kClaim);
  clock_.advance(seconds{30});
  session_->expire(clock_.now());
  EXPECT_TRUE(session_->active());
  EXPECT_EQ(session_->next_deadline(), std::nullopt);
  reply(kBandwidth);  // late
  EXPECT_EQ(session_->remaining_bandwidth(), 68719476736);
  EXPECT_TRUE(session_->active());
}

TEST_F(SessionTest, UpgradeModeIsNotMetered) {
  start(known_key_.clone());
  sent_text();
  reply(kVersionSix);
  sent_text();
  reply(R"({"type":"authenticate","status":true,"bandwidth_remaining":0,"upgrade_mode":true})");
  EXPECT_TRUE(event<Activated>().has_value());
  EXPECT_TRUE(silent());
  reply(R"({"type":"send","remaining_bandwidth":40000001,"upgrade_mode":true})");
  EXPECT_TRUE(silent());
}

// --- leaving ---

TEST_F(SessionTest, ForgetMeIsSealedAndConfirmed) {
  activate();
  session_->forget_me();
  session_->forget_me();
  const auto request = sent<EncryptedRequest>();
  EXPECT_TRUE(silent()) << "asked once";
  const crypto::GcmSiv cipher(*key_);
  EXPECT_EQ(base::to_string(cipher.open(request.nonce, request.ciphertext).value()),
            R"({"ForgetMe":{"client":true,"stats":false}})");
  const auto nonce = rng_.bytes<kNonceSize>();
  reply(Response{
      EncryptedResponse{cipher.seal(nonce, base::as_bytes(R"({"RememberMeAck":{}})")), nonce}});
  reply(Response{EncryptedResponse{Bytes(40, 1), nonce}});
  reply(Response{EncryptedResponse{cipher.seal(nonce, base::as_bytes("{}")), nonce}});
  EXPECT_TRUE(no_event());
  EXPECT_EQ(session_->dropped_frames(), 2U);
  const EncryptedResponse ack{cipher.seal(nonce, base::as_bytes(R"({"ForgetMeAck":{}})")), nonce};
  reply(Response{ack});
  EXPECT_TRUE(event<Forgotten>().has_value());
  reply(Response{ack});
  EXPECT_TRUE(no_event());
}

TEST_F(SessionTest, ForgetMeBeforeActivationSaysNothing) {
  start();
  sent_text();
  session_->forget_me();
  EXPECT_TRUE(silent());
}

// --- hostile answers at every step ---

TEST_F(SessionTest, AnyChangedAnswerEndsInAnErrorOrTheRightState) {
  // Replays a registration in which one byte of one answer is changed.
  const auto run = [this](int step, std::size_t at) -> bool {
    start();
    sent_text();
    const auto spoil = [&](int now_step, std::string text) {
      if (now_step == step) {
        if (at >= text.size()) return std::string{};
        text[at] = static_cast<char>(text[at] ^ 0x04);
      }
      return text;
    };
    const auto give = [&](int now_step, const std::string& text) {
      const std::string spoilt = spoil(now_step, text);
      if (spoilt.empty()) return false;
      reply(spoilt);
      return true;
    };
    if (!give(0, std::string{kVersionSix})) return false;
    const auto output = session_->poll_output();
    if (!output) return true;
    const auto request = decode_request(std::get<TextFrame>(*output).text);
    const auto answer = answer_to(std::get<HandshakePayload>(*request), 6);
    if (!give(1, encode_response(Response{answer}))) return false;
    if (!give(2, R"({"type":"handshakePayload","protocol_version":6,"data":[1]})")) return false;
    if (!give(3, std::string{kRegistered})) return false;
    return true;
  };
  for (int step = 0; step < 4; ++step) {
    for (std::size_t at = 0; run(step, at); ++at) {
      // Whatever happened: active with the right key, failed once, or waiting with a deadline.
      if (session_->active()) {
        EXPECT_TRUE(crypto::ct_equal(session_->shared_key()->reveal(), key_->reveal()));
      } else if (!session_->next_deadline()) {
        EXPECT_TRUE(event<SessionFailed>().has_value()) << step << " " << at;
      }
    }
  }
}

}  // namespace
}  // namespace mix::gateway
