// Sessions that are resumed by a ticket: when they are kept, offered and taken, and what they save.
#include <deque>

#include "tls_link.h"

namespace mix::test {
namespace {

class Sessions final : public tls::SessionCache {
 public:
  void put(std::unique_ptr<tls::Session> session) override { kept.push_back(std::move(session)); }
  std::unique_ptr<tls::Session> take() override {
    if (kept.empty()) return nullptr;
    auto session = std::move(kept.back());
    kept.pop_back();
    return session;
  }
  std::deque<std::unique_ptr<tls::Session>> kept;
};

class Resumption : public testing::TestWithParam<TlsVersion> {
 protected:
  /// Connects, carries a line each way and ends; bytes that the server sent.
  std::uint64_t visit(TicketKeys& of_server, Sessions* sessions) {
    TlsServerOptions server{.identity = identity, .max_version = GetParam(), .tickets = &of_server};
    TlsLink link{world, std::move(server), {.host = kHost, .sessions = sessions}};
    link.connect();
    EXPECT_TRUE(link.client->write(base::as_bytes("ping")).has_value());
    EXPECT_EQ(link.read_all(*link.server), "ping");
    EXPECT_TRUE(link.server->write(base::as_bytes("pong")).has_value());
    EXPECT_EQ(link.read_all(*link.client), "pong");
    return link.pair.to_client().total_written;
  }

  TlsWorld world;
  Identity identity = world.ca.issue_for(kHost);
  TicketKeys keys{world.clock, world.rng};
};

TEST_P(Resumption, SavesTheCertificate) {
  Sessions sessions;
  const std::uint64_t whole = visit(keys, &sessions);
  ASSERT_EQ(sessions.kept.size(), 1u);
  EXPECT_EQ(keys.accepted(), 0u);
  const std::uint64_t resumed = visit(keys, &sessions);
  EXPECT_EQ(keys.accepted(), 1u);
  EXPECT_LT(resumed + 400, whole);
}

TEST_P(Resumption, OffersATicketOnce) {
  Sessions sessions;
  (void)visit(keys, &sessions);
  {
    TlsServerOptions server{.identity = identity, .max_version = GetParam(), .tickets = &keys};
    TlsLink link{world, std::move(server), {.host = kHost, .sessions = &sessions}};
    // The handshake breaks off: the ticket has been seen by others, and is not used again.
    link.pair.to_client().deliverable = 0;
    link.connect();
  }
  EXPECT_TRUE(sessions.kept.empty());
}

TEST_P(Resumption, IsNeitherAskedForNorOfferedWithoutACache) {
  Sessions sessions;
  (void)visit(keys, nullptr);
  EXPECT_EQ(keys.issued(), 0u);
  (void)visit(keys, &sessions);
  (void)visit(keys, nullptr);
  EXPECT_EQ(keys.accepted(), 0u);
}

TEST_P(Resumption, GivesWayToAWholeHandshakeWhenTheServerForgot) {
  Sessions sessions;
  const std::uint64_t whole = visit(keys, &sessions);
  TicketKeys others{world.clock, world.rng};
  // Signatures differ by some bytes.
  EXPECT_GT(visit(others, &sessions) + 100, whole);
  EXPECT_EQ(others.accepted(), 0u);
  (void)visit(others, &sessions);
  EXPECT_EQ(others.accepted(), 1u);
}

TEST_P(Resumption, EndsWithTheTicketsLife) {
  Sessions sessions;
  (void)visit(keys, &sessions);
  world.clock.advance(std::chrono::hours{2});
  (void)visit(keys, &sessions);
  EXPECT_EQ(keys.accepted(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Tls, Resumption, testing::Values(TlsVersion::k12, TlsVersion::k13),
                         [](const auto& info) {
                           return info.param == TlsVersion::k12 ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace mix::test
