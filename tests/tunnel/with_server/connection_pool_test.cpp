// The pool with TLS: one handshake while the protocol is unknown, HTTP/2 shared, tickets kept
// apart.
#include "mix/http/http2.h"
#include "support/tls/tls_server.h"
#include "tunnel/pool_world.h"

namespace mix::tunnel {
namespace {

using namespace std::chrono_literals;

constexpr const char* kName = "www.example.test";
constexpr const char* kUrl = "https://www.example.test/";

/// What all tests share: making keys takes time.
struct Authority {
  test::SeededRng rng{1};
  test::TestCa ca{rng, "CN=Test Root"};
  test::Identity identity = ca.issue_for(kName);
  std::shared_ptr<tls::TrustStore> trust = *tls::TrustStore::with_extra(ca.pem());
};

Authority& authority() {
  static Authority one;
  return one;
}

class SecurePool : public testing::Test, public PoolWorld {
 protected:
  SecurePool() : PoolWorld(authority().trust) {}

  /// Servers accept whatever has connected; everything moves until quiet.
  void run() {
    for (int rounds = 0; rounds < 12; ++rounds) {
      turn();
      answer_names({"192.0.2.1"});
      for (auto& connection : stack.connections) {
        if (!connection.server) continue;
        test::TlsServerOptions server{
            .identity = authority().identity, .alpn = {protocol}, .tickets = &tickets};
        servers.push_back(
            test::accept_tls(std::move(connection.server), std::move(server), clock, rng));
      }
      for (const auto& server : servers) server->advance(clock.now());
    }
  }
  std::unique_ptr<Granted> visit(const std::string& isolation) {
    const Ticket ticket = ask(kUrl, isolation);
    run();
    auto out = granted(ticket);
    EXPECT_NE(out, nullptr) << isolation;
    // A ticket comes behind the handshake.
    if (out && out->lease) out->lease->stream().advance(clock.now());
    return out;
  }
  [[nodiscard]] std::size_t handshakes_begun() const {
    std::size_t count = 0;
    for (const auto& connection : stack.connections) {
      count += connection.pair->to_server().total_written > 0 ? 1 : 0;
    }
    return count;
  }

  std::string protocol = "http/1.1";
  test::TicketKeys tickets{clock, rng};
  std::vector<std::unique_ptr<test::TlsServerStream>> servers;
};

TEST_F(SecurePool, ShakesHandsOnceWhileTheProtocolIsUnknown) {
  std::vector<Ticket> asked;
  asked.reserve(10);
  for (int i = 0; i < 3; ++i) asked.push_back(ask(kUrl));
  turn();
  answer_names({"192.0.2.1"});
  turn();
  EXPECT_EQ(stack.connections.size(), 3u);
  EXPECT_EQ(handshakes_begun(), 1u);
  run();
  EXPECT_EQ(handshakes_begun(), 3u);
  for (const Ticket ticket : asked) {
    const auto one = granted(ticket);
    ASSERT_NE(one, nullptr);
    EXPECT_TRUE(one->lease.has_value());
    EXPECT_TRUE(one->timing.tls.has_value());
  }
}

TEST_F(SecurePool, GivesAllRequestsTheOneHttp2Connection) {
  protocol = "h2";
  std::vector<Ticket> asked;
  asked.reserve(10);
  for (int i = 0; i < 10; ++i) asked.push_back(ask(kUrl));
  run();
  EXPECT_EQ(handshakes_begun(), 1u);
  http::Http2Connection* shared = nullptr;
  for (const Ticket ticket : asked) {
    const auto one = granted(ticket);
    ASSERT_NE(one, nullptr);
    ASSERT_NE(one->http2, nullptr);
    EXPECT_EQ(one->reused, shared != nullptr);
    if (shared != nullptr) EXPECT_EQ(one->http2, shared);
    shared = one->http2;
  }
  EXPECT_EQ(visit("")->http2, shared);
  const std::size_t before = stack.connections.size();
  EXPECT_NE(visit("other")->http2, shared);
  EXPECT_EQ(stack.connections.size(), before + 1);
}

TEST_F(SecurePool, LetsIdleHttp2ConnectionsGiveWayToo) {
  protocol = "h2";
  for (int i = 0; i < 64; ++i) {
    ASSERT_NE(visit("key " + std::to_string(i)), nullptr);
    clock.advance(100ms);
  }
  EXPECT_EQ(pool.idle(), 64u);
  EXPECT_NE(visit("one more"), nullptr);
  EXPECT_EQ(pool.idle(), 64u);
}

TEST_F(SecurePool, AsksForHttp1WhereHttp2WasRefused) {
  protocol = "h2";
  ASSERT_NE(visit("")->http2, nullptr);
  protocol = "http/1.1";
  pool.use_http1(ConnectionPool::key_of("", *http::Url::parse(kUrl)));
  EXPECT_TRUE(visit("")->lease.has_value());
}

TEST_F(SecurePool, OffersTicketsOnlyWithinTheirIsolationKey) {
  visit("a").reset();
  EXPECT_GE(tickets.issued(), 1u);
  visit("b").reset();
  EXPECT_EQ(tickets.accepted(), 0u);
  visit("a").reset();
  EXPECT_EQ(tickets.accepted(), 1u);
  visit("").reset();
  EXPECT_EQ(tickets.accepted(), 1u);
}

TEST_F(SecurePool, RefusesAnUnknownAuthority) {
  PoolWorld stranger;
  const Ticket ticket = stranger.ask(kUrl);
  stranger.turn();
  stranger.answer_names({"192.0.2.1"});
  stranger.turn();
  ASSERT_EQ(stranger.stack.connections.size(), 1u);
  const auto server =
      test::accept_tls(std::move(stranger.stack.connections[0].server),
                       {.identity = authority().identity}, stranger.clock, stranger.rng);
  for (int i = 0; i < 5; ++i) {
    server->advance(stranger.clock.now());
    stranger.turn();
  }
  const auto answer = stranger.pool.poll(ticket);
  ASSERT_TRUE(answer && std::holds_alternative<Refused>(*answer));
  EXPECT_EQ(std::get<Refused>(*answer).error.code, base::Errc::tls_cert_unknown_ca);
  EXPECT_EQ(std::get<Refused>(*answer).phase, Phase::kTls);
}

}  // namespace
}  // namespace mix::tunnel
