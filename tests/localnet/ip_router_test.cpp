#include "mix/localnet/ip_router.h"

#include <gtest/gtest.h>

#include <deque>

#include "guest.h"
#include "mix/ipr/bundle.h"
#include "mix/ipr/client.h"
#include "mix/ipr/frame.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::localnet {
namespace {

using base::Bytes;
using base::ByteView;
using ipr::ProtocolVersion;
using mixnet::SenderTag;
using namespace std::chrono_literals;

constexpr SenderTag kAlice{{1}}, kBob{{2}};
constexpr ipr::StreamId kStream = 99;

IpEndpoint to(const char* text) { return IpEndpoint::parse(text).value(); }

class IpRouterTest : public testing::Test {
 protected:
  IpRouterConfig config;
  mix::test::ManualClock clock;
  mix::test::SeededRng rng{5};
  std::optional<IpRouter> router;
  std::vector<RouterForward> forwarded;
  std::vector<SessionOpened> opened;
  std::vector<SessionClosed> closed;

  struct Answer {
    RouterReply reply;
    std::optional<ipr::StreamFrame> frame;
    ipr::Response response;
  };

  void start() { router.emplace(config, rng); }

  std::vector<Answer> answers() {
    std::vector<Answer> out;
    while (auto output = router->poll_output()) {
      if (auto* forward = std::get_if<RouterForward>(&*output)) {
        forwarded.push_back(std::move(*forward));
      } else if (auto* open = std::get_if<SessionOpened>(&*output)) {
        opened.push_back(*open);
      } else if (auto* close = std::get_if<SessionClosed>(&*output)) {
        closed.push_back(*close);
      } else {
        out.push_back({std::get<RouterReply>(std::move(*output)), std::nullopt, {}});
      }
    }
    for (Answer& answer : out) {
      ByteView payload = answer.reply.data;
      if (const auto frame = ipr::decode_stream_frame(payload)) {
        answer.frame = *frame;
        payload = frame->payload;
      }
      auto response = ipr::decode_response(payload);
      EXPECT_TRUE(response.has_value());
      if (response) answer.response = *std::move(response);
    }
    return out;
  }

  void ask(const SenderTag& from, ProtocolVersion version, ipr::RequestBody body,
           ipr::StreamId stream = kStream) {
    const Bytes request = ipr::encode(ipr::Request{version, std::move(body)});
    if (version == ProtocolVersion::k8) {
      router->receive(request, from, clock.now());
    } else {
      router->receive(ipr::encode_stream_frame({stream, ipr::StreamMessage::kData, 0, request}),
                      from, clock.now());
    }
  }

  SessionOpened connect(const SenderTag& from, ProtocolVersion version = ProtocolVersion::k9,
                        ipr::StreamId stream = kStream) {
    ask(from, version, ipr::ConnectRequest{7, std::nullopt, {}}, stream);
    const auto got = answers();
    EXPECT_EQ(got.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<ipr::ConnectSuccess>(got.at(0).response.body));
    return opened.back();
  }

  void send(const SenderTag& from, ProtocolVersion version, const std::vector<Bytes>& packets) {
    ipr::Data data;
    for (const Bytes& packet : packets) ipr::append_to_bundle(data.bundle, packet);
    ask(from, version, data);
  }

  void wake_at(base::Duration later) {
    clock.advance(later);
    router->expire(clock.now());
  }
};

TEST_F(IpRouterTest, AnswersEachVersionInItsForm) {
  start();
  for (const auto version : {ProtocolVersion::k8, ProtocolVersion::k9, ProtocolVersion::k10}) {
    const SenderTag who{{static_cast<std::uint8_t>(version)}};
    ask(who, version, ipr::ConnectRequest{7, std::nullopt, {}});
    const auto got = answers();
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].reply.to, who);
    EXPECT_EQ(got[0].frame.has_value(), version != ProtocolVersion::k8);
    if (got[0].frame) {
      EXPECT_EQ(got[0].frame->stream_id, kStream);
      EXPECT_EQ(got[0].frame->sequence, 0U);
      EXPECT_EQ(got[0].frame->message, ipr::StreamMessage::kData);
    }
    EXPECT_EQ(got[0].response.version, version);
    const auto& success = std::get<ipr::ConnectSuccess>(got[0].response.body);
    EXPECT_EQ(success.id, 7U);
    EXPECT_EQ(success.mtu.has_value(), version == ProtocolVersion::k10);
    EXPECT_EQ(success.ipv4[0], 10);
    EXPECT_EQ(success.ipv4[1], 0);
    EXPECT_EQ(success.ipv6[0], 0xfc);
    EXPECT_EQ(success.ipv6[14], success.ipv4[2]);
    EXPECT_EQ(success.ipv6[15], success.ipv4[3]);
    EXPECT_FALSE(got[0].reply.options.max_retransmissions) << "control is retransmitted";
  }
}

TEST_F(IpRouterTest, DropsVersion10InSilenceWhenToldTo) {
  config.newest = NewestVersion::k9;
  start();
  ask(kAlice, ProtocolVersion::k10, ipr::ConnectRequest{7, std::nullopt, {}});
  EXPECT_TRUE(answers().empty());
  EXPECT_TRUE(opened.empty());
  connect(kAlice);
}

TEST_F(IpRouterTest, RefusesWrongFramesForeignProvidersAndSendersWithoutATag) {
  start();
  const ipr::ConnectRequest body{7, std::nullopt, {}};
  const auto framed = [](const Bytes& request) {
    return ipr::encode_stream_frame({kStream, ipr::StreamMessage::kData, 0, request});
  };
  router->receive(framed(ipr::encode(ipr::Request{ProtocolVersion::k8, body})), kAlice,
                  clock.now());
  router->receive(ipr::encode(ipr::Request{ProtocolVersion::k9, body}), kAlice, clock.now());
  router->receive(framed(ipr::encode(ipr::Request{ProtocolVersion::k9, body})), std::nullopt,
                  clock.now());
  router->receive(framed(ipr::encode(ipr::Request{ProtocolVersion::k9, body,
                                                  ipr::ServiceProvider::kNetworkRequester})),
                  kAlice, clock.now());
  router->receive(framed({11, 1, 1, 0}), kAlice, clock.now());
  router->receive({}, kAlice, clock.now());
  EXPECT_TRUE(answers().empty());
  EXPECT_TRUE(opened.empty());
  EXPECT_EQ(router->stats().malformed, 6U);
  // An empty frame opens a stream, which needs no answer.
  router->receive(framed({}), kAlice, clock.now());
  EXPECT_EQ(router->stats().malformed, 6U);
}

TEST_F(IpRouterTest, GivesARawClientItsAddressesAgainAndAFramedOneNewOnes) {
  start();
  ask(kAlice, ProtocolVersion::k8, ipr::ConnectRequest{1, std::nullopt, {}});
  ask(kAlice, ProtocolVersion::k8, ipr::ConnectRequest{2, std::nullopt, {}});
  auto got = answers();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(std::get<ipr::ConnectSuccess>(got[0].response.body).ipv4,
            std::get<ipr::ConnectSuccess>(got[1].response.body).ipv4);
  EXPECT_EQ(opened.size(), 1U);

  const auto first = connect(kBob);
  const auto second = connect(kBob, ProtocolVersion::k9, kStream + 1);
  EXPECT_NE(first.session, second.session);
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].session, first.session);
  EXPECT_EQ(router->stats().sessions, 2U);
}

TEST_F(IpRouterTest, ForwardsPermittedPacketsOfABundle) {
  start();
  const auto session = connect(kAlice);
  const Bytes first = test::udp_packet({session.v4, 5000}, to("8.8.8.8:53"), "query");
  const Bytes second =
      test::tcp_packet({session.v6, 5000}, to("[2606:4700::1111]:443"), test::kSyn, 1, 0);
  send(kAlice, ProtocolVersion::k9, {first, {}, second});
  EXPECT_TRUE(answers().empty());
  ASSERT_EQ(forwarded.size(), 2U);
  EXPECT_EQ(forwarded[0].session, session.session);
  EXPECT_EQ(forwarded[0].ip_packet, first);
  EXPECT_EQ(forwarded[1].ip_packet, second);
}

TEST_F(IpRouterTest, TakesDataOfEitherFramedVersionAndAnswersInThatOfTheConnect) {
  start();
  const auto session = connect(kAlice, ProtocolVersion::k10);
  send(kAlice, ProtocolVersion::k9,
       {test::udp_packet({session.v4, 5000}, to("127.0.0.1:53"), "denied")});
  const auto got = answers();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].response.version, ProtocolVersion::k10);
}

TEST_F(IpRouterTest, DropsSpoofedSources) {
  start();
  const auto alice = connect(kAlice);
  const auto bob = connect(kBob);
  send(kAlice, ProtocolVersion::k9,
       {test::udp_packet({bob.v4, 5000}, to("8.8.8.8:53"), "as Bob"),
        test::udp_packet(to("9.9.9.9:5"), to("8.8.8.8:53"), "as a stranger")});
  send(SenderTag{{3}}, ProtocolVersion::k9,
       {test::udp_packet({alice.v4, 5000}, to("8.8.8.8:53"), "never connected")});
  EXPECT_TRUE(answers().empty());
  EXPECT_TRUE(forwarded.empty());
  EXPECT_EQ(router->stats().spoofed, 3U);
}

TEST_F(IpRouterTest, TellsWhatThePolicyRefuses) {
  config.policy = ExitPolicy::parse("reject *:25\naccept *:*");
  start();
  const auto session = connect(kAlice);
  const IpEndpoint from4{session.v4, 5000}, from6{session.v6, 5000};
  send(kAlice, ProtocolVersion::k9,
       {test::tcp_packet(from4, to("1.2.3.4:25"), test::kSyn, 1, 0),
        test::tcp_packet(from6, to("[2001:db8::1]:443"), test::kSyn, 1, 0),
        test::udp_packet(from4, to("127.0.0.1:53"), "local"),
        test::echo_packet(session.v4, to("192.168.0.1:0").address, 1, 1, "ping")});
  const auto got = answers();
  std::vector<std::string> denied;
  for (const Answer& answer : got) {
    const auto& info = std::get<ipr::Info>(answer.response.body);
    EXPECT_EQ(info.id, 0U);
    EXPECT_EQ(info.level, ipr::InfoLevel::kWarn);
    denied.push_back(std::get<ipr::PolicyRefusal>(info.reply).destination);
    EXPECT_EQ(answer.frame->sequence, 0U);
  }
  EXPECT_EQ(denied, (std::vector<std::string>{"1.2.3.4:25", "[2001:db8::1]:443", "127.0.0.1:53",
                                              "192.168.0.1:0"}));
  EXPECT_TRUE(forwarded.empty());
}

TEST_F(IpRouterTest, AllowsLocalDestinationsOnlyWhenToldOrMapped) {
  config.is_mapped = [](const IpEndpoint& destination) { return destination.port == 5353; };
  start();
  auto session = connect(kAlice);
  send(kAlice, ProtocolVersion::k9,
       {test::udp_packet({session.v4, 5}, to("192.0.2.1:5353"), "mapped"),
        test::udp_packet({session.v4, 5}, to("192.0.2.1:9"), "keep-alive")});
  EXPECT_EQ(answers().size(), 1U);
  EXPECT_EQ(forwarded.size(), 1U);
  config.local = LocalDestinations::kAllowed;
  start();
  session = connect(kAlice);
  send(kAlice, ProtocolVersion::k9, {test::udp_packet({session.v4, 5}, to("127.0.0.1:9"), "")});
  EXPECT_TRUE(answers().empty());
  EXPECT_EQ(forwarded.size(), 2U);
}

TEST_F(IpRouterTest, BundlesWhatComesFromTheInternet) {
  start();
  const auto session = connect(kAlice);
  const auto packet = [&](std::size_t size) {
    return test::udp_packet(to("8.8.8.8:53"), {session.v4, 5000}, std::string(size - 28, 'x'));
  };
  router->receive_packet(session.session, packet(100), clock.now());
  router->receive_packet(session.session, packet(200), clock.now());
  EXPECT_TRUE(answers().empty());
  ASSERT_TRUE(router->next_deadline());
  EXPECT_EQ(*router->next_deadline(), clock.now() + 20ms);
  wake_at(20ms);
  auto got = answers();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].frame->sequence, 1U);
  EXPECT_EQ(got[0].reply.options.max_retransmissions, 0U) << "lost data is TCP's business";
  const auto unbundled = ipr::unbundle(std::get<ipr::Data>(got[0].response.body).bundle);
  ASSERT_EQ(unbundled.packets.size(), 2U);
  EXPECT_EQ(base::to_bytes(unbundled.packets[1]), packet(200));

  router->receive_packet(session.session, packet(1400), clock.now());
  router->receive_packet(session.session, packet(1400), clock.now());
  got = answers();
  ASSERT_EQ(got.size(), 1U) << "a full bundle leaves at once";
  EXPECT_EQ(got[0].frame->sequence, 2U);
  router->receive_packet(session.session + 1, packet(100), clock.now());
  router->receive_packet(session.session, test::udp_packet(to("8.8.8.8:53"), to("10.0.0.1:5"), ""),
                         clock.now());
  EXPECT_EQ(router->stats().to_clients, 4U) << "others' packets are not this client's";
}

TEST_F(IpRouterTest, HonoursTheClientsBundleTimeout) {
  start();
  ask(kAlice, ProtocolVersion::k9, ipr::ConnectRequest{7, 5, {}});
  ask(kBob, ProtocolVersion::k9, ipr::ConnectRequest{7, 0, {}});
  answers();
  const auto deadline_after_packet = [&](const SessionOpened& session) {
    router->receive_packet(
        session.session, test::udp_packet(to("8.8.8.8:53"), {session.v4, 5000}, "x"), clock.now());
    return router->next_deadline().value() - clock.now();
  };
  EXPECT_EQ(deadline_after_packet(opened[1]), 20ms) << "zero means the default";
  EXPECT_EQ(deadline_after_packet(opened[0]), 5ms);
}

TEST_F(IpRouterTest, ForgetsIdleClientsInSilence) {
  start();
  const auto idle = connect(kAlice);
  const auto active = connect(kBob);
  for (int i = 0; i < 7; ++i) {
    wake_at(10s);
    send(kBob, ProtocolVersion::k9, {test::udp_packet({active.v4, 5}, to("127.0.0.1:9"), "")});
    ask(kAlice, ProtocolVersion::k9, ipr::PingRequest{1, {}});  // does not count
  }
  for (const Answer& answer : answers()) {
    EXPECT_FALSE(std::holds_alternative<ipr::UnrequestedDisconnect>(answer.response.body));
  }
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].session, idle.session);
  EXPECT_EQ(router->stats().sessions, 1U);
  send(kAlice, ProtocolVersion::k9, {test::udp_packet({idle.v4, 5}, to("8.8.8.8:53"), "late")});
  EXPECT_TRUE(forwarded.empty());
}

TEST_F(IpRouterTest, AnswersPingHealthAndDisconnect) {
  start();
  ask(kAlice, ProtocolVersion::k9, ipr::PingRequest{3, {}});
  ask(kAlice, ProtocolVersion::k9, ipr::HealthRequest{4, {}});
  ask(kAlice, ProtocolVersion::k9, ipr::DisconnectRequest{5, {}});
  auto got = answers();
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(std::get<ipr::Pong>(got[0].response.body).id, 3U);
  EXPECT_EQ(std::get<ipr::Health>(got[1].response.body).id, 4U);
  const auto& failure = std::get<ipr::DisconnectFailure>(got[2].response.body);
  EXPECT_EQ(failure.id, 5U);
  EXPECT_EQ(failure.reason, ipr::DisconnectFailureReason::kNotConnected);
  connect(kAlice);
  ask(kAlice, ProtocolVersion::k9, ipr::DisconnectRequest{6, {}});
  got = answers();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(std::get<ipr::DisconnectSuccess>(got[0].response.body).id, 6U);
  EXPECT_EQ(closed.size(), 1U);
  EXPECT_EQ(router->stats().sessions, 0U);
}

TEST_F(IpRouterTest, RefusesWhenItIsFull) {
  config.max_sessions = 1;
  start();
  connect(kAlice);
  ask(kBob, ProtocolVersion::k9, ipr::ConnectRequest{7, std::nullopt, {}});
  const auto got = answers();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(std::get<ipr::ConnectFailure>(got[0].response.body).reason,
            ipr::ConnectFailureReason::kNoAvailableIp);
}

TEST_F(IpRouterTest, SurvivesCutAndFlippedRequests) {
  start();
  const auto session = connect(kAlice);
  ipr::Data data;
  ipr::append_to_bundle(data.bundle,
                        test::tcp_packet({session.v4, 5}, to("8.8.8.8:53"), test::kSyn, 1, 0));
  const Bytes whole =
      ipr::encode_stream_frame({kStream, ipr::StreamMessage::kData, 0,
                                ipr::encode(ipr::Request{ProtocolVersion::k9, data})});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    router->receive(ByteView{whole}.first(size), kAlice, clock.now());
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes changed = whole;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 0xff);
    router->receive(changed, kAlice, clock.now());
  }
  while (router->poll_output()) {
  }
  router->receive(whole, kAlice, clock.now());
  answers();
  EXPECT_EQ(forwarded.size(), 1U);
}

/// The client of core/ipr against this router, messages handed over without a mixnet between.
class ClientAndRouter : public IpRouterTest {
 protected:
  ipr::ClientConfig client_config;
  std::optional<ipr::Client> client;
  std::optional<ipr::Assignment> assignment;
  std::vector<Bytes> received;
  std::vector<std::string> denied;
  std::optional<base::Error> ended;
  bool deaf = false;  // the exit hears nothing

  void run(base::Duration duration) {
    const auto end = clock.now() + duration;
    while (true) {
      exchange();
      const auto deadline = base::earlier(client->next_deadline(), router->next_deadline());
      if (!deadline || *deadline > end) break;
      clock.advance(std::max(base::Duration::zero(), *deadline - clock.now()));
      client->expire(clock.now());
      router->expire(clock.now());
    }
    clock.advance(end - clock.now());
    exchange();
  }

  void exchange() {
    for (bool moved = true; moved;) {
      moved = false;
      client->surbs_at_exit(100, clock.now());
      client->flush(clock.now());
      while (auto output = client->poll_output()) {
        const auto* outgoing = std::get_if<ipr::Outgoing>(&*output);
        if (outgoing != nullptr && !deaf) router->receive(outgoing->data, kAlice, clock.now());
        moved = true;
      }
      for (const Answer& answer : answers()) {
        const bool was_connected = client->connected();
        EXPECT_TRUE(client->receive(answer.reply.data, clock.now()) || !was_connected);
        moved = true;
      }
      while (auto event = client->poll_event()) {
        if (auto* connected = std::get_if<ipr::Connected>(&*event)) {
          assignment = connected->assignment;
        } else if (auto* packet = std::get_if<ipr::PacketReceived>(&*event)) {
          received.push_back(std::move(packet->ip_packet));
        } else if (auto* refused = std::get_if<ipr::DestinationDenied>(&*event)) {
          denied.push_back(refused->destination);
        } else {
          ended = std::get<ipr::SessionEnded>(*event).error;
        }
      }
    }
  }

  void connect_client() {
    client.emplace(client_config, rng, base::null_log());
    client->connect(clock.now(), clock.wall_now());
    exchange();
  }
};

TEST_F(ClientAndRouter, AgreeInEveryVersion) {
  for (const auto version : {ProtocolVersion::k8, ProtocolVersion::k9, ProtocolVersion::k10}) {
    config.mtu = 1400;
    start();
    client_config.first_version = version;
    connect_client();
    ASSERT_TRUE(client->connected());
    EXPECT_EQ(assignment->version, version);
    EXPECT_EQ(assignment->mtu, version == ProtocolVersion::k10 ? 1400 : 1420);
    EXPECT_EQ(IpAddress::v4(assignment->ipv4), opened.back().v4);
    EXPECT_EQ(IpAddress::v6(assignment->ipv6), opened.back().v6);

    const Bytes query = test::udp_packet({opened.back().v4, 5000}, to("8.8.8.8:53"), "query");
    ASSERT_TRUE(client->send(query, clock.now()).has_value());
    forwarded.clear();
    exchange();
    ASSERT_EQ(forwarded.size(), 1U);
    EXPECT_EQ(forwarded[0].ip_packet, query);
    const Bytes answer = test::udp_packet(to("8.8.8.8:53"), {opened.back().v4, 5000}, "answer");
    received.clear();
    router->receive_packet(opened.back().session, answer, clock.now());
    run(20ms);
    EXPECT_EQ(received, (std::vector<Bytes>{answer}));
    client->disconnect(clock.now(), clock.wall_now());
    exchange();
    EXPECT_EQ(router->stats().sessions, 0U);
  }
}

TEST_F(ClientAndRouter, MeetInVersion9WhenTheExitIsOlder) {
  config.newest = NewestVersion::k9;
  client_config.first_version = ProtocolVersion::k10;
  start();
  connect_client();
  EXPECT_FALSE(client->connected());
  run(15s);
  ASSERT_TRUE(client->connected());
  EXPECT_EQ(assignment->version, ProtocolVersion::k9);
}

TEST_F(ClientAndRouter, KeepAnIdleSessionForHours) {
  start();
  connect_client();
  run(2h);
  EXPECT_TRUE(client->connected());
  EXPECT_EQ(opened.size(), 1U);
  EXPECT_TRUE(closed.empty());
  EXPECT_TRUE(denied.empty()) << "the keep-alive's refusal is nobody's concern";
  EXPECT_LT(router->stats().from_clients, 2U * 3600U / 24U);
}

TEST_F(ClientAndRouter, EndTheSessionWhenTheExitFallsSilent) {
  start();
  connect_client();
  deaf = true;
  run(2min);
  EXPECT_FALSE(client->connected());
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, base::Errc::ipr_silent);
}

TEST_F(ClientAndRouter, TellTheApplicationWhatWasRefused) {
  start();
  connect_client();
  ASSERT_TRUE(client
                  ->send(test::tcp_packet({opened[0].v4, 5}, to("127.0.0.1:80"), test::kSyn, 1, 0),
                         clock.now())
                  .has_value());
  exchange();
  EXPECT_EQ(denied, (std::vector<std::string>{"127.0.0.1:80"}));
}

}  // namespace
}  // namespace mix::localnet
