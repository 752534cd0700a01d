#include "mix/ipr/client.h"

#include <gtest/gtest.h>

#include <deque>

#include "mix/ipr/bundle.h"
#include "mix/ipr/frame.h"
#include "segments.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::ipr {
namespace {

using base::Bytes;
using base::ByteView;
using base::Errc;
using namespace std::chrono_literals;

constexpr std::array<std::uint8_t, 4> kV4{10, 0, 3, 147};
constexpr std::array<std::uint8_t, 16> kV6{0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0x93};

/// A message of the client, taken apart by the exit's codecs.
struct Seen {
  StreamFrame frame;
  std::optional<Request> request;  // none: the open frame
  mixnet::SendOptions options;
  Outgoing::Kind kind = Outgoing::Kind::kOther;
  Bytes bytes;
};

class IprClient : public testing::Test {
 protected:
  ClientConfig config;
  test::ManualClock clock;
  test::SeededRng rng{1};
  std::optional<Client> client;
  std::vector<std::uint32_t> supplied;
  std::vector<std::uint32_t> offered;

  void start() {
    client.emplace(config, rng, base::null_log());
    client->connect(clock.now(), clock.wall_now());
  }

  std::vector<Seen> outputs() {
    std::vector<Seen> out;
    while (auto output = client->poll_output()) {
      if (const auto* supply = std::get_if<SupplySurbs>(&*output)) {
        supplied.push_back(supply->amount);
        continue;
      }
      if (const auto* offer = std::get_if<OfferSurbs>(&*output)) {
        offered.push_back(offer->amount);
        continue;
      }
      auto& outgoing = std::get<Outgoing>(*output);
      Seen seen;
      seen.options = outgoing.options;
      seen.kind = outgoing.kind;
      seen.bytes = std::move(outgoing.data);
      EXPECT_TRUE(seen.options.anonymous);
      EXPECT_EQ(seen.options.lane, mixnet::Lane{});
      out.push_back(std::move(seen));
    }
    for (Seen& seen : out) {
      const auto frame = decode_stream_frame(seen.bytes);
      EXPECT_TRUE(frame.has_value());
      if (!frame) continue;
      seen.frame = *frame;
      if (frame->payload.empty()) continue;
      auto request = decode_request(frame->payload);
      EXPECT_TRUE(request.has_value());
      if (request) seen.request = *std::move(request);
    }
    return out;
  }

  std::vector<ClientEvent> events() {
    std::vector<ClientEvent> out;
    while (auto event = client->poll_event()) out.push_back(std::move(*event));
    return out;
  }

  bool answer(const Seen& to, ProtocolVersion version, ResponseBody body,
              std::uint32_t sequence = 0) {
    const Bytes payload = encode(Response{version, std::move(body)});
    return client->receive(
        encode_stream_frame({to.frame.stream_id, StreamMessage::kData, sequence, payload}),
        clock.now());
  }

  static RequestId id_of(const Seen& seen) {
    return std::get<ConnectRequest>(seen.request->body).id;
  }

  ConnectSuccess success(const Seen& to, std::optional<std::uint16_t> mtu = std::nullopt) {
    return {id_of(to), kV4, kV6, mtu};
  }

  /// Connects in the configured version and returns the connect request.
  Seen connected() {
    start();
    auto sent = outputs();
    const bool v10 = config.first_version == ProtocolVersion::k10;
    EXPECT_TRUE(
        answer(sent.back(), config.first_version,
               success(sent.back(), v10 ? std::optional<std::uint16_t>{1420} : std::nullopt)));
    EXPECT_TRUE(client->connected());
    events();
    client->surbs_at_exit(70, clock.now());
    return sent.back();
  }

  void wake_at(base::Duration later) {
    clock.advance(later);
    client->expire(clock.now());
  }
};

/// An IPv4 packet of `size` bytes (only its size matters here).
Bytes packet(std::size_t size) { return Bytes(size, 0x45); }

std::vector<Bytes> packets_of(const Seen& seen) {
  std::vector<Bytes> out;
  for (const ByteView view : unbundle(std::get<Data>(seen.request->body).bundle).packets) {
    out.push_back(base::to_bytes(view));
  }
  return out;
}

TEST_F(IprClient, OpensAStreamAndAsksForAddresses) {
  start();
  const auto sent = outputs();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].frame.message, StreamMessage::kOpen);
  EXPECT_EQ(sent[0].frame.sequence, 0U);
  EXPECT_TRUE(sent[0].frame.payload.empty());
  EXPECT_EQ(sent[1].frame.message, StreamMessage::kData);
  EXPECT_EQ(sent[1].frame.sequence, 0U);
  EXPECT_EQ(sent[1].frame.stream_id, sent[0].frame.stream_id);
  ASSERT_TRUE(sent[1].request);
  EXPECT_EQ(sent[1].request->version, ProtocolVersion::k9);
  const auto& connect = std::get<ConnectRequest>(sent[1].request->body);
  EXPECT_FALSE(connect.buffer_timeout_ms);
  EXPECT_EQ(connect.timestamp, Timestamp::from(clock.wall_now()));
  EXPECT_FALSE(client->connected());

  EXPECT_TRUE(answer(sent[1], ProtocolVersion::k9, success(sent[1])));
  const auto got = events();
  ASSERT_EQ(got.size(), 1U);
  const auto& assignment = std::get<Connected>(got[0]).assignment;
  EXPECT_EQ(assignment.ipv4, kV4);
  EXPECT_EQ(assignment.ipv6, kV6);
  EXPECT_EQ(assignment.mtu, 1420);
  EXPECT_EQ(assignment.version, ProtocolVersion::k9);
  EXPECT_TRUE(client->connected());
}

TEST_F(IprClient, SuppliesTheFirstContactSoThatTheExitCanAnswer) {
  start();
  auto sent = outputs();
  std::uint32_t surbs = sent[0].options.reply_surbs + sent[1].options.reply_surbs;
  EXPECT_GE(surbs, 20U);
  EXPECT_LE(surbs, 30U);
  EXPECT_GE(sent[0].options.reply_surbs, config.open_reply_surbs);

  config.open_reply_surbs = 25;
  config.data_reply_surbs = 14;
  start();
  sent = outputs();
  EXPECT_EQ(sent[0].options.reply_surbs, 25U);
  EXPECT_EQ(sent[1].options.reply_surbs, 14U);
}

TEST_F(IprClient, TellsTheExitAShorterBundleTimeoutWhenAsked) {
  config.bundle_timeout = 5ms;
  start();
  EXPECT_EQ(std::get<ConnectRequest>(outputs()[1].request->body).buffer_timeout_ms, 5U);
  config.bundle_timeout = 0ms;  // would abort the reference's handler
  start();
  EXPECT_FALSE(std::get<ConnectRequest>(outputs()[1].request->body).buffer_timeout_ms);
}

TEST_F(IprClient, SpeaksRawMessagesInVersion8) {
  config.first_version = ProtocolVersion::k8;
  start();
  auto output = client->poll_output();
  ASSERT_TRUE(output);
  const auto request = decode_request(std::get<Outgoing>(*output).data);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->version, ProtocolVersion::k8);
  EXPECT_FALSE(client->poll_output());
  const auto id = std::get<ConnectRequest>(request->body).id;
  const ConnectSuccess body{id, kV4, kV6, std::nullopt};
  EXPECT_TRUE(client->receive(encode(Response{ProtocolVersion::k8, body}), clock.now()));
  EXPECT_TRUE(client->connected());
}

TEST_F(IprClient, ClampsTheMtuThatTheExitReports) {
  config.first_version = ProtocolVersion::k10;
  const auto mtu_for = [&](std::uint16_t reported) {
    start();
    const auto sent = outputs();
    answer(sent[1], ProtocolVersion::k10, success(sent[1], reported));
    const auto got = events();
    return std::get<Connected>(got.at(0)).assignment.mtu;
  };
  EXPECT_EQ(mtu_for(1420), 1420);
  EXPECT_EQ(mtu_for(1500), 1500);
  EXPECT_EQ(mtu_for(9000), 1500);
  EXPECT_EQ(mtu_for(576), 1280);
  config.max_mtu = 1300;
  EXPECT_EQ(mtu_for(1420), 1300);
  config.max_mtu = 600;
  EXPECT_EQ(mtu_for(1420), 1280);
}

TEST_F(IprClient, FallsBackToVersion9OnTheSameStream) {
  config.first_version = ProtocolVersion::k10;
  start();
  const auto first = outputs();
  EXPECT_EQ(first[1].request->version, ProtocolVersion::k10);
  EXPECT_EQ(client->next_deadline(), clock.now() + 15s);
  wake_at(15s - 1ns);
  EXPECT_TRUE(outputs().empty());
  wake_at(1ns);
  const auto second = outputs();
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].request->version, ProtocolVersion::k9);
  EXPECT_EQ(second[0].frame.stream_id, first[1].frame.stream_id);
  EXPECT_EQ(second[0].frame.sequence, 1U);
  EXPECT_NE(id_of(second[0]), id_of(first[1]));
  EXPECT_EQ(first[0].kind, Outgoing::Kind::kOther);
  EXPECT_EQ(first[1].kind, Outgoing::Kind::kConnect);
  EXPECT_EQ(second[0].kind, Outgoing::Kind::kConnect) << "the first must not come after it";

  // The exit has replaced the session of the first request.
  EXPECT_TRUE(answer(first[1], ProtocolVersion::k10, success(first[1], 1420)));
  EXPECT_FALSE(client->connected());
  EXPECT_TRUE(answer(first[1], ProtocolVersion::k10,
                     ConnectFailure{id_of(first[1]), ConnectFailureReason::kNoAvailableIp, ""}));
  EXPECT_TRUE(events().empty());
  EXPECT_TRUE(answer(second[0], ProtocolVersion::k9, success(second[0])));
  EXPECT_TRUE(client->connected());
  EXPECT_EQ(std::get<Connected>(events().at(0)).assignment.version, ProtocolVersion::k9);
}

TEST_F(IprClient, GivesUpWhenNoVersionIsAnswered) {
  config.first_version = ProtocolVersion::k10;
  start();
  wake_at(15s);
  wake_at(60s);
  const auto got = events();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(std::get<SessionEnded>(got[0]).error.code, Errc::ipr_connect_timeout);
  EXPECT_FALSE(client->next_deadline());
}

TEST_F(IprClient, EndsAtOnceWhenTheExitRefuses) {
  config.first_version = ProtocolVersion::k10;
  start();
  const auto sent = outputs();
  EXPECT_TRUE(answer(sent[1], ProtocolVersion::k10,
                     ConnectFailure{id_of(sent[1]), ConnectFailureReason::kNoAvailableIp, ""}));
  const auto got = events();
  ASSERT_EQ(got.size(), 1U);
  const base::Error& error = std::get<SessionEnded>(got[0]).error;
  EXPECT_EQ(error.code, Errc::ipr_connect_denied);
  EXPECT_EQ(error.context, "no available ip address");
  wake_at(15s);
  EXPECT_TRUE(outputs().empty()) << "no fall-back after a refusal";
}

TEST_F(IprClient, CutsWhatTheExitWritesAtACharacter) {
  start();
  const auto sent = outputs();
  std::string text = "x";
  for (int i = 0; i < 500; ++i) text += "\xc3\xa4";
  answer(sent[1], ProtocolVersion::k9,
         ConnectFailure{id_of(sent[1]), ConnectFailureReason::kOther, text});
  const auto got = events();
  const std::string& context = std::get<SessionEnded>(got.at(0)).error.context;
  EXPECT_LE(context.size(), 200U);
  EXPECT_TRUE(base::is_utf8(base::as_bytes(context)));
}

TEST_F(IprClient, IgnoresForeignStreamsRequestsAndIds) {
  start();
  const auto sent = outputs();
  Seen foreign = sent[1];
  ++foreign.frame.stream_id;
  EXPECT_FALSE(answer(foreign, ProtocolVersion::k9, success(sent[1]))) << "not of this session";
  auto wrong_id = success(sent[1]);
  ++wrong_id.id;
  EXPECT_TRUE(answer(sent[1], ProtocolVersion::k9, wrong_id));
  EXPECT_TRUE(answer(sent[1], ProtocolVersion::k9, Data{Bytes{0, 1, 0x45}}));
  const Bytes open = encode_stream_frame(
      {sent[1].frame.stream_id, StreamMessage::kOpen, 0, sent[1].frame.payload});
  EXPECT_TRUE(client->receive(open, clock.now()));
  EXPECT_FALSE(client->receive(Bytes(40, 9), clock.now()));
  EXPECT_FALSE(client->connected());
  EXPECT_TRUE(events().empty());
}

TEST_F(IprClient, StampsTheSessionsVersionAndCountsSequencesOn) {
  config.first_version = ProtocolVersion::k10;
  connected();
  for (std::uint32_t i = 1; i < 4; ++i) {
    ASSERT_TRUE(client->send(packet(100), clock.now()).has_value());
    client->flush(clock.now());
    const auto sent = outputs();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].request->version, ProtocolVersion::k10);
    EXPECT_EQ(sent[0].frame.sequence, i);
  }
}

TEST_F(IprClient, BundlesThePacketsOfOneTurn) {
  connected();
  for (const std::size_t size : {40U, 52U, 1300U, 1420U}) {
    ASSERT_TRUE(client->send(packet(size), clock.now()).has_value());
  }
  EXPECT_TRUE(outputs().empty()) << "nothing leaves before the turn ends";
  client->flush(clock.now());
  const auto sent = outputs();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(packets_of(sent[0]), (std::vector<Bytes>{packet(40), packet(52), packet(1300)}));
  EXPECT_EQ(packets_of(sent[1]), (std::vector<Bytes>{packet(1420)}));
  for (const Seen& seen : sent) {
    EXPECT_EQ(message_room(seen.bytes.size(), SurbFormat::kSeeds).packets, 1U);
  }
}

TEST_F(IprClient, GoesOnBundlingWhileTheScheduleIsBusy) {
  connected();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client->send(packet(52), clock.now()).has_value());
    client->flush(clock.now(), 2);
  }
  EXPECT_TRUE(outputs().empty());
  client->flush(clock.now(), 1);
  const auto sent = outputs();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(packets_of(sent[0]).size(), 5U);
}

TEST_F(IprClient, AttachesThreeSurbsToPureAcksAndNoneToFullSegments) {
  connected();
  ASSERT_TRUE(client->send(packet(52), clock.now()).has_value());
  client->flush(clock.now());
  EXPECT_EQ(outputs().at(0).options.reply_surbs, 3U);
  ASSERT_TRUE(client->send(packet(1420), clock.now()).has_value());
  client->flush(clock.now());
  EXPECT_EQ(outputs().at(0).options.reply_surbs, 0U);
}

TEST_F(IprClient, SendsSurbsAloneOnlyWhenTheExitRunsLow) {
  connected();
  client->flush(clock.now());
  outputs();
  EXPECT_TRUE(supplied.empty());
  client->surbs_at_exit(20, clock.now());
  client->flush(clock.now());
  outputs();
  ASSERT_EQ(supplied.size(), 1U);
  EXPECT_GE(20 + supplied[0], kExitLowStock);
  client->flush(clock.now());
  outputs();
  EXPECT_EQ(supplied.size(), 1U) << "what was ordered counts until mixnet reports again";
}

TEST_F(IprClient, OffersSurbsInThePlaceOfCoverUntilTheExitIsFull) {
  config.replaces_cover = true;
  connected();
  client->surbs_at_exit(80, clock.now());
  client->flush(clock.now());
  outputs();
  ASSERT_FALSE(offered.empty());
  EXPECT_EQ(80 + offered.back(), kExitMaxStock - kExitReserve);
  const std::size_t told = offered.size();
  client->flush(clock.now());
  outputs();
  EXPECT_EQ(offered.size(), told) << "only changes are told";
  client->surbs_at_exit(500, clock.now());
  client->flush(clock.now());
  outputs();
  EXPECT_EQ(offered.back(), 0U);
}

TEST_F(IprClient, HoldsAcknowledgementsAloneForOthersToJoin) {
  config.hold_acks = 10ms;
  connected();
  const Bytes ack = segment(80, 0x10, 1000, 0);
  ASSERT_TRUE(client->send(ack, clock.now()).has_value());
  client->flush(clock.now());
  EXPECT_TRUE(outputs().empty());
  EXPECT_EQ(client->next_deadline(), clock.now() + 10ms);
  clock.advance(4ms);
  ASSERT_TRUE(client->send(segment(80, 0x10, 2000, 0), clock.now()).has_value());
  client->flush(clock.now());
  EXPECT_TRUE(outputs().empty());
  clock.advance(6ms);
  client->flush(clock.now());
  const auto sent = outputs();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(packets_of(sent[0]), (std::vector<Bytes>{segment(80, 0x10, 2000, 0)}));

  ASSERT_TRUE(client->send(ack, clock.now()).has_value());
  ASSERT_TRUE(client->send(packet(700), clock.now()).has_value());
  client->flush(clock.now());
  EXPECT_EQ(outputs().size(), 1U) << "data takes them along at once";
}

TEST_F(IprClient, BelievesTheExitsRequestMoreThanTheEstimate) {
  connected();
  client->surbs_at_exit(300, clock.now());
  client->surbs_requested(50, clock.now());
  client->surbs_at_exit(240, clock.now());
  client->flush(clock.now());
  outputs();
  EXPECT_EQ(supplied.size(), 1U);
}

TEST_F(IprClient, RefusesPacketsOverTheMtuAndBeforeItIsConnected) {
  start();
  EXPECT_EQ(client->send(packet(40), clock.now()).error().code, Errc::usage_not_ready);
  connected();
  EXPECT_TRUE(client->send(packet(1420), clock.now()).has_value());
  EXPECT_EQ(client->send(packet(1421), clock.now()).error().code, Errc::ipr_packet_too_large);
}

TEST_F(IprClient, RefusesPacketsBeyondItsQueue) {
  connected();
  base::Result<void> result;
  std::size_t taken = 0;
  for (; taken < 10'000; ++taken) {
    result = client->send(packet(1420), clock.now());
    if (!result) break;
  }
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Errc::usage_queue_full);
  std::size_t sent = 0;
  for (; sent < taken; ++sent) {
    client->flush(clock.now(), 1);
    ASSERT_EQ(outputs().size(), 1U) << "one message more keeps the schedule busy";
  }
  client->flush(clock.now());
  EXPECT_TRUE(outputs().empty());
}

TEST_F(IprClient, UnbundlesWhatTheExitSends) {
  const Seen connect = connected();
  Data data;
  append_to_bundle(data.bundle, packet(100));
  append_to_bundle(data.bundle, {});
  append_to_bundle(data.bundle, packet(200));
  data.bundle.push_back(0);  // a cut rest
  EXPECT_TRUE(answer(connect, ProtocolVersion::k9, data, 1));
  const auto got = events();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(std::get<PacketReceived>(got[0]).ip_packet, packet(100));
  EXPECT_EQ(std::get<PacketReceived>(got[1]).ip_packet, packet(200));
}

TEST_F(IprClient, TakesFramesInAnyOrder) {
  const Seen connect = connected();
  for (const std::uint32_t sequence : {7U, 3U, 0U, 3U}) {
    Data data;
    append_to_bundle(data.bundle, packet(30));
    EXPECT_TRUE(answer(connect, ProtocolVersion::k9, data, sequence));
  }
  EXPECT_EQ(events().size(), 4U);
}

TEST_F(IprClient, ReportsADeniedDestination) {
  const Seen connect = connected();
  answer(connect, ProtocolVersion::k9,
         Info{0, PolicyRefusal{"[2001:db8::1]:25"}, InfoLevel::kWarn});
  const auto got = events();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(std::get<DestinationDenied>(got[0]).destination, "[2001:db8::1]:25");
}

TEST_F(IprClient, EndsWhenTheExitDisconnects) {
  const auto ends_with = [&](const ResponseBody& body) {
    const Seen connect = connected();
    answer(connect, ProtocolVersion::k9, body);
    const auto got = events();
    EXPECT_EQ(got.size(), 1U);
    EXPECT_FALSE(client->connected());
    return std::get<SessionEnded>(got.at(0)).error;
  };
  const auto error = ends_with(UnrequestedDisconnect{UnrequestedReason::kMixnetTimeout, ""});
  EXPECT_EQ(error.code, Errc::ipr_disconnected);
  EXPECT_EQ(error.context, "client mixnet traffic timeout");
  EXPECT_EQ(ends_with(DisconnectSuccess{1}).code, Errc::ipr_disconnected);
  EXPECT_EQ(ends_with(DisconnectFailure{1, DisconnectFailureReason::kNotConnected, ""}).context,
            "client is not connected");
}

TEST_F(IprClient, SaysGoodbyeOnDisconnect) {
  connected();
  client->disconnect(clock.now(), clock.wall_now());
  const auto sent = outputs();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<DisconnectRequest>(sent[0].request->body));
  EXPECT_FALSE(client->connected());
  EXPECT_FALSE(client->next_deadline());
  EXPECT_TRUE(answer(sent[0], ProtocolVersion::k9, DisconnectSuccess{1})) << "a late answer";
  EXPECT_TRUE(events().empty());
  client->disconnect(clock.now(), clock.wall_now());
  EXPECT_TRUE(outputs().empty());
}

TEST_F(IprClient, KeepsAnIdleSessionAliveWithAPacketThatGoesNowhere) {
  const Seen connect = connected();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(client->next_deadline(), clock.now() + 25s);
    wake_at(25s);
    const auto sent = outputs();
    ASSERT_EQ(sent.size(), 1U);
    const auto packets = packets_of(sent[0]);
    ASSERT_EQ(packets.size(), 1U);
    ASSERT_EQ(packets[0].size(), 28U);
    EXPECT_EQ(Bytes(packets[0].begin() + 12, packets[0].begin() + 16),
              Bytes(kV4.begin(), kV4.end()));
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < 20; at += 2) sum += packets[0][at] * 256U + packets[0][at + 1];
    EXPECT_EQ((sum & 0xffff) + (sum >> 16), 0xffffU) << "header checksum";
    // The exit counts it and refuses the destination; nobody needs to hear of that.
    answer(connect, ProtocolVersion::k9, Info{0, PolicyRefusal{"192.0.2.1:9"}, InfoLevel::kWarn});
    EXPECT_TRUE(events().empty());
  }
}

TEST_F(IprClient, CountsTheKeepaliveFromTheLastPacket) {
  connected();
  clock.advance(20s);
  ASSERT_TRUE(client->send(packet(40), clock.now()).has_value());
  client->flush(clock.now());
  outputs();
  // The exit owes an answer now, so the probe comes first; its answer is on the way.
  EXPECT_EQ(client->next_deadline(), clock.now() + 3s);
  wake_at(3s);
  EXPECT_TRUE(std::holds_alternative<PingRequest>(outputs().back().request->body));
}

TEST_F(IprClient, MayBeToldToSendNoKeepalive) {
  config.keepalive = 0s;
  connected();
  EXPECT_FALSE(client->next_deadline());
  wake_at(50s);
  EXPECT_TRUE(outputs().empty());
}

TEST_F(IprClient, TakesTheAddressesForLostAfterASleep) {
  connected();
  clock.advance(56s);
  EXPECT_EQ(client->send(packet(40), clock.now()).error().code, Errc::usage_not_ready);
  const auto got = events();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(std::get<SessionEnded>(got[0]).error.code, Errc::ipr_disconnected);

  connected();
  wake_at(56s);
  EXPECT_EQ(std::get<SessionEnded>(events().at(0)).error.code, Errc::ipr_disconnected);
  EXPECT_TRUE(outputs().empty()) << "no packet from addresses that are gone";
}

TEST_F(IprClient, ConnectsAgainInANewStream) {
  const Seen first = connected();
  client->connect(clock.now(), clock.wall_now());
  EXPECT_FALSE(client->connected());
  const auto sent = outputs();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_NE(sent[1].frame.stream_id, first.frame.stream_id);
  EXPECT_EQ(sent[1].frame.sequence, 0U);
  EXPECT_TRUE(answer(first, ProtocolVersion::k9, success(first))) << "nobody else's message";
  EXPECT_FALSE(client->connected()) << "the old stream is over";
  EXPECT_TRUE(answer(sent[1], ProtocolVersion::k9, success(sent[1])));
  EXPECT_TRUE(client->connected());
}

TEST_F(IprClient, ProbesASilentExitAndGivesItUp) {
  connected();
  const auto sent_at = clock.now();
  ASSERT_TRUE(client->send(packet(40), clock.now()).has_value());
  client->flush(clock.now());
  outputs();
  std::size_t probes = 0;
  while (client->connected()) {
    const auto deadline = client->next_deadline();
    ASSERT_TRUE(deadline);
    wake_at(*deadline - clock.now());
    for (const Seen& seen : outputs()) {
      if (!std::holds_alternative<PingRequest>(seen.request->body)) continue;
      ++probes;
      EXPECT_GT(seen.options.reply_surbs, kExitReserve) << "it may hold none";
    }
  }
  EXPECT_GE(probes, 3U);
  EXPECT_EQ(clock.now() - sent_at, 20s);
  EXPECT_EQ(std::get<SessionEnded>(events().at(0)).error.code, Errc::ipr_silent);
}

TEST_F(IprClient, IsContentWithAnyAnswer) {
  const Seen connect = connected();
  ASSERT_TRUE(client->send(packet(40), clock.now()).has_value());
  client->flush(clock.now());
  wake_at(3s);
  const auto sent = outputs();
  const auto* ping = std::get_if<PingRequest>(&sent.back().request->body);
  ASSERT_NE(ping, nullptr);
  answer(connect, ProtocolVersion::k9, Pong{ping->id});
  EXPECT_EQ(client->next_deadline(), clock.now() + 25s) << "just the keep-alive is left";
  EXPECT_TRUE(client->connected());
}

TEST_F(IprClient, NoticesAnExitThatForgotTheSession) {
  const Seen connect = connected();
  const auto refusal = Info{0, PolicyRefusal{"192.0.2.1:9"}, InfoLevel::kWarn};
  wake_at(25s);
  outputs();
  answer(connect, ProtocolVersion::k9, refusal);  // as long as it knows us
  ASSERT_TRUE(client->send(packet(40), clock.now()).has_value());
  client->flush(clock.now());
  outputs();
  const auto lost_at = clock.now();
  while (client->connected() && clock.now() - lost_at < 1min) {
    wake_at(*client->next_deadline() - clock.now());
    for (const Seen& seen : outputs()) {
      const auto* ping = std::get_if<PingRequest>(&seen.request->body);
      if (ping != nullptr) answer(connect, ProtocolVersion::k9, Pong{ping->id});
    }
  }
  EXPECT_EQ(clock.now() - lost_at, 9s);
  EXPECT_EQ(std::get<SessionEnded>(events().at(0)).error.code, Errc::ipr_disconnected);
}

TEST_F(IprClient, DoesNotExpectRefusalsWhereItNeverSawOne) {
  const Seen connect = connected();  // an exit that allows every destination
  ASSERT_TRUE(client->send(packet(40), clock.now()).has_value());
  client->flush(clock.now());
  outputs();
  for (int i = 0; i < 40; ++i) {
    wake_at(3s);
    for (const Seen& seen : outputs()) {
      const auto* ping = std::get_if<PingRequest>(&seen.request->body);
      if (ping != nullptr) answer(connect, ProtocolVersion::k9, Pong{ping->id});
    }
  }
  EXPECT_TRUE(client->connected());
}

TEST_F(IprClient, ChecksTheExitAtOnceWhenTold) {
  connected();
  client->check(clock.now());
  const auto sent = outputs();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(packets_of(sent[0]).size(), 1U);
  EXPECT_TRUE(std::holds_alternative<PingRequest>(sent[1].request->body));
  EXPECT_GT(sent[1].options.reply_surbs, kExitReserve);
}

TEST_F(IprClient, CountsTimeThatTheClockDidNotSee) {
  connected();
  clock.advance(10s);
  client->suspend();
  client->resume(clock.now(), 40s);
  EXPECT_TRUE(client->connected());
  client->suspend();
  client->resume(clock.now(), 10s);
  EXPECT_FALSE(client->connected());
}

TEST_F(IprClient, DoesNotBlameTheExitForALostLink) {
  connected();
  ASSERT_TRUE(client->send(packet(40), clock.now()).has_value());
  client->flush(clock.now());
  outputs();
  clock.advance(5s);
  client->suspend();
  EXPECT_FALSE(client->next_deadline());
  wake_at(35s);
  EXPECT_TRUE(client->connected());
  client->resume(clock.now());
  EXPECT_TRUE(client->connected());
  ASSERT_TRUE(client->next_deadline());
  wake_at(0s);  // the keep-alive is overdue
  EXPECT_EQ(outputs().size(), 1U);
  client->suspend();
  clock.advance(56s);
  client->resume(clock.now());
  EXPECT_FALSE(client->connected()) << "by now the exit has forgotten us";
}

TEST_F(IprClient, SurvivesCutAndFlippedReplies) {
  const Seen connect = connected();
  Data data;
  append_to_bundle(data.bundle, packet(60));
  const Bytes whole = encode_stream_frame({connect.frame.stream_id, StreamMessage::kData, 1,
                                           encode(Response{ProtocolVersion::k9, data})});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    [[maybe_unused]] const bool mine = client->receive(ByteView{whole}.first(size), clock.now());
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes changed = whole;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 0xff);
    [[maybe_unused]] const bool mine = client->receive(changed, clock.now());
  }
  events();
  EXPECT_TRUE(client->receive(whole, clock.now()));
  EXPECT_EQ(events().size(), 1U);
}

}  // namespace
}  // namespace mix::ipr
