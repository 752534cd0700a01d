// Questions over connections that are kept: shared, pipelined, ended by either side.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "mix/dns/constants.h"
#include "mix/dns/link.h"
#include "resolver_fixture.h"

namespace mix::dns {
namespace {

const Server kOverTcp{kPrimary, Transport::kTcp};
const Server kOverTls{{kPrimary.address, 853}, Transport::kTls, "dns.example"};
const Server kOverHttps{{kPrimary.address, 443}, Transport::kHttps, "dns.example", "/dns-query"};

Bytes framed(const Bytes& message) {
  base::Writer out;
  out.u16be(static_cast<std::uint16_t>(message.size())).bytes(message);
  return out.take();
}

class LinksTest : public ResolverTest {
 protected:
  /// `servers`: instead of those of the configuration.
  void ask(const std::string& name, std::vector<Server> servers = {kOverTcp}) {
    AskOptions options;
    options.servers = std::move(servers);
    options.cache = CacheUse::kIgnore;
    (void)resolver.ask(name, RecordType::kA, options, now());
    resolver.advance(now());
  }
  /// The questions that reached a connection and were not read before.
  std::vector<test::DnsQuery> questions(std::size_t connection) {
    net::Stream& server = *stack.connections.at(connection).server;
    Bytes bytes(server.readable());
    bytes.resize(server.read(bytes));
    std::vector<test::DnsQuery> out;
    base::Reader reader(bytes);
    while (reader.remaining() > 0) {
      out.push_back(test::read_dns_query(reader.bytes(reader.u16be().value()).value()));
    }
    return out;
  }
  void reply(std::size_t connection, const DnsAnswer& with) {
    ASSERT_TRUE(stack.connections.at(connection).server->write(framed(with.bytes())));
    resolver.advance(now());
  }
  /// Reads one question there and answers it.
  void serve(std::size_t connection) {
    const auto read = questions(connection);
    ASSERT_EQ(read.size(), 1u);
    reply(connection, DnsAnswer(read.front()).address("192.0.2.1"));
  }
  /// "name" or the error, of the next finished question; empty when there is none.
  std::string next_done() {
    const auto done = resolver.poll_answer();
    if (!done) return "";
    return done->answer ? done->answer->canonical_name.text()
                        : std::string(base::error_name(done->answer.error().code));
  }
};

TEST_F(LinksTest, OneConnectionServesManyQuestions) {
  for (const char* name : {"a.example", "b.example", "c.example"}) {
    ask(name);
    serve(0);
    EXPECT_EQ(next_done(), name);
    pass(kLinkIdleTime - 1s);
  }
  EXPECT_EQ(stack.connections.size(), 1u);
}

TEST_F(LinksTest, QuestionsArePipelinedAndAnswersMayComeInAnyOrder) {
  ask("a.example");
  ask("b.example");
  ask("c.example");
  ASSERT_EQ(stack.connections.size(), 1u);
  const auto read = questions(0);
  ASSERT_EQ(read.size(), 3u);
  EXPECT_NE(read[0].id, read[1].id);
  EXPECT_NE(read[1].id, read[2].id);
  for (const std::size_t i : {2u, 0u, 1u}) {
    reply(0, DnsAnswer(read[i]).address("192.0.2.1"));
    EXPECT_EQ(next_done(), read[i].name);
  }
}

TEST_F(LinksTest, AnIdleConnectionIsClosedInTime) {
  ask("a.example");
  serve(0);
  EXPECT_EQ(next_done(), "a.example");
  EXPECT_EQ(resolver.next_deadline(), base::Deadline{now() + kLinkIdleTime});
  pass(kLinkIdleTime);
  EXPECT_TRUE(stack.connections[0].server->at_end());
  EXPECT_EQ(resolver.next_deadline(), std::nullopt);
  ask("b.example");
  EXPECT_EQ(stack.connections.size(), 2u);
}

TEST_F(LinksTest, WhatTheServerEndedWhileIdleIsForgotten) {
  ask("a.example");
  serve(0);
  EXPECT_EQ(next_done(), "a.example");
  stack.connections[0].server->shutdown();
  pass(1s);
  EXPECT_EQ(resolver.next_deadline(), std::nullopt);
  ask("b.example");
  ASSERT_EQ(stack.connections.size(), 2u);
  serve(1);
  EXPECT_EQ(next_done(), "b.example");
}

TEST_F(LinksTest, QuestionsOfAKeptConnectionThatEndsMoveToANewOne) {
  ask("a.example");
  serve(0);
  EXPECT_EQ(next_done(), "a.example");
  ask("b.example");
  ask("c.example");
  stack.connections[0].server->shutdown();
  resolver.advance(now());
  resolver.advance(now());
  EXPECT_EQ(next_done(), "");
  ASSERT_EQ(stack.connections.size(), 2u);
  const auto moved = questions(1);
  ASSERT_EQ(moved.size(), 2u);
  for (const auto& question : moved) {
    reply(1, DnsAnswer(question).address("192.0.2.1"));
    EXPECT_EQ(next_done(), question.name);
  }
}

TEST_F(LinksTest, AServerThatAnswersOnceAConnectionIsAskedOneAfterTheOther) {
  for (const char* name : {"a.example", "b.example", "c.example"}) ask(name);
  for (std::size_t connection = 0; connection < 3; ++connection) {
    ASSERT_EQ(stack.connections.size(), connection + 1);
    const auto read = questions(connection);
    ASSERT_EQ(read.size(), 3 - connection);
    reply(connection, DnsAnswer(read.front()).address("192.0.2.1"));
    EXPECT_EQ(next_done(), read.front().name);
    stack.connections[connection].server->shutdown();
    resolver.advance(now());
    resolver.advance(now());
  }
  EXPECT_EQ(stack.connections.size(), 3u);
}

TEST_F(LinksTest, AConnectionThatNeverAnsweredIsNotTriedAgain) {
  ask("a.example");
  stack.connections[0].server->shutdown();
  resolver.advance(now());
  resolver.advance(now());
  EXPECT_EQ(stack.connections.size(), 1u);
  EXPECT_EQ(next_done(), "dns_malformed");
}

TEST_F(LinksTest, AResetOfANewConnectionIsAFailure) {
  ask("a.example");
  stack.connections[0].pair->fail_client(base::Error{Errc::net_connection_reset});
  resolver.advance(now());
  resolver.advance(now());
  EXPECT_EQ(next_done(), "dns_server_failure");
}

TEST_F(LinksTest, AnAnswerToNoQuestionEndsTheConnection) {
  ask("a.example");
  ask("b.example");
  const auto read = questions(0);
  reply(0, DnsAnswer(read[0]).address("192.0.2.1"));
  EXPECT_EQ(next_done(), "a.example");
  reply(0, DnsAnswer(read[0]).address("192.0.2.66"));  // once more
  EXPECT_EQ(next_done(), "dns_malformed");
  EXPECT_TRUE(stack.connections[0].server->at_end());
  ask("c.example");
  EXPECT_EQ(stack.connections.size(), 2u);
}

TEST_F(LinksTest, AMessageWithoutAnIdEndsTheConnection) {
  for (const Bytes& bytes : {Bytes{0, 0}, Bytes{0, 1, 7}}) {
    const std::size_t connection = stack.connections.size();
    ask("a.example");
    ASSERT_TRUE(stack.connections.at(connection).server->write(bytes));
    resolver.advance(now());
    resolver.advance(now());
    EXPECT_EQ(next_done(), "dns_malformed");
  }
}

TEST_F(LinksTest, ALateAnswerToACancelledQuestionHarmsNobody) {
  AskOptions options;
  options.servers = {kOverTcp};
  const LookupId cancelled = resolver.ask("a.example", RecordType::kA, options, now());
  resolver.advance(now());
  resolver.cancel(cancelled);
  ask("b.example");
  ASSERT_EQ(stack.connections.size(), 1u);
  const auto read = questions(0);
  ASSERT_EQ(read.size(), 2u);
  reply(0, DnsAnswer(read[0]).address("192.0.2.1"));
  EXPECT_EQ(next_done(), "");
  reply(0, DnsAnswer(read[1]).address("192.0.2.1"));
  EXPECT_EQ(next_done(), "b.example");
}

TEST_F(LinksTest, ASilentConnectionGetsNoMoreQuestions) {
  ask("a.example");
  pass(kLinkPatience);
  ask("b.example");
  ASSERT_EQ(stack.connections.size(), 2u);
  serve(1);
  EXPECT_EQ(next_done(), "b.example");
  serve(0);  // slow, but not dead
  EXPECT_EQ(next_done(), "a.example");
}

TEST_F(LinksTest, AConnectionWhoseAnswersNobodyAwaitsIsClosedInTime) {
  ask("a.example");
  EXPECT_EQ(questions(0).size(), 1u);
  const base::TimePoint start = now();
  while (const auto next = resolver.next_deadline()) pass(*next - now());
  EXPECT_EQ(now() - start, kLinkIdleTime);
  EXPECT_EQ(next_done(), "dns_server_failure");
  EXPECT_TRUE(stack.connections[0].server->at_end());
}

TEST_F(LinksTest, ServersDoNotShareConnections) {
  const Server other{kFallback, Transport::kTcp};
  ask("a.example");
  ask("b.example", {other});
  ASSERT_EQ(stack.connections.size(), 2u);
  EXPECT_EQ(stack.connections[0].to, kPrimary);
  EXPECT_EQ(stack.connections[1].to, kFallback);
}

TEST_F(LinksTest, TheNumberOfConnectionsIsBounded) {
  const auto server = [](std::size_t i) {
    return Server{{net::Ipv4{{9, 9, 9, static_cast<std::uint8_t>(i)}}, 53}, Transport::kTcp};
  };
  for (std::size_t i = 0; i < kMaxLinks; ++i) ask("a.example", {server(i)});
  ask("a.example", {server(kMaxLinks)});  // all are busy
  resolver.advance(now());
  EXPECT_EQ(next_done(), "dns_server_failure");
  EXPECT_EQ(stack.connections.size(), kMaxLinks);
  serve(3);
  EXPECT_EQ(next_done(), "a.example");
  ask("a.example", {server(kMaxLinks)});  // the idle one gives way
  EXPECT_EQ(stack.connections.size(), kMaxLinks + 1);
  EXPECT_TRUE(stack.connections[3].server->at_end());
}

TEST_F(LinksTest, TheNumberOfOpenQuestionsOfAConnectionIsBounded) {
  for (std::size_t i = 0; i <= kMaxOpenQuestions; ++i) {
    ask("host" + std::to_string(i) + ".example");
  }
  ASSERT_EQ(stack.connections.size(), 2u);
  EXPECT_EQ(questions(0).size(), kMaxOpenQuestions);
  EXPECT_EQ(questions(1).size(), 1u);
}

TEST_F(LinksTest, ATruncatedDatagramLeadsToAKeptConnection) {
  for (const char* name : {"a.example", "b.example"}) {
    (void)resolver.ask(name, RecordType::kTxt, {}, now());
    const auto query = next_sent();
    answer(query, DnsAnswer(query.payload).truncated());
    const auto read = questions(0);
    ASSERT_EQ(read.size(), 1u);
    reply(0, DnsAnswer(read[0]).record(name, test::kTypeTxt, 60, Bytes{1, 'x'}));
    EXPECT_EQ(next_done(), name);
  }
  EXPECT_EQ(stack.connections.size(), 1u);
}

// --- Links of other rungs -----------------------------------------------------------------------

/// What a fake link was told, seen by the test; outlives the link.
struct FakeState {
  Server server;
  std::vector<Bytes> asked;
  std::vector<std::uint16_t> forgotten;
  std::deque<Reply> replies;
  bool accepts = true;
  bool is_closed = false;
  std::optional<base::Error> end;

  [[nodiscard]] test::DnsQuery question(std::size_t i) const {
    return test::read_dns_query(asked.at(i));
  }
  void answer(std::size_t i) {
    replies.push_back({question(i).id, DnsAnswer(question(i)).address("192.0.2.1").bytes()});
  }
};

class FakeLink final : public Link {
 public:
  explicit FakeLink(std::shared_ptr<FakeState> state) : state_(std::move(state)) {}
  [[nodiscard]] bool accepts() const override { return state_->accepts && !state_->end; }
  void ask(base::ByteView message, base::TimePoint /*now*/) override {
    state_->asked.push_back(base::to_bytes(message));
  }
  [[nodiscard]] bool forget(std::uint16_t id) override {
    state_->forgotten.push_back(id);
    return false;
  }
  [[nodiscard]] std::optional<Reply> poll_reply() override {
    if (state_->replies.empty()) return std::nullopt;
    Reply reply = std::move(state_->replies.front());
    state_->replies.pop_front();
    return reply;
  }
  [[nodiscard]] std::optional<base::Error> end() const override { return state_->end; }
  void close() override { state_->is_closed = true; }
  void advance(base::TimePoint /*now*/) override {}
  [[nodiscard]] base::Deadline next_deadline() const override { return std::nullopt; }

 private:
  std::shared_ptr<FakeState> state_;
};

class FakeOpener final : public LinkOpener {
 public:
  std::vector<std::shared_ptr<FakeState>> links;
  std::optional<base::Error> error;

  [[nodiscard]] base::Result<std::unique_ptr<Link>> open(const Server& server,
                                                         base::TimePoint /*now*/) override {
    if (error) return *error;
    links.push_back(std::make_shared<FakeState>());
    links.back()->server = server;
    return std::unique_ptr<Link>(std::make_unique<FakeLink>(links.back()));
  }
};

class OpenedLinksTest : public LinksTest {
 protected:
  OpenedLinksTest() { secure.emplace(config, stack, rng, &opener); }
  LookupId ask_secure(const std::string& name, const Server& server = kOverTls) {
    AskOptions options;
    options.servers = {server};
    options.cache = CacheUse::kIgnore;
    const LookupId id = secure->ask(name, RecordType::kA, options, now());
    secure->advance(now());
    return id;
  }
  std::string secure_done() {
    secure->advance(now());
    const auto done = secure->poll_answer();
    if (!done) return "";
    return done->answer ? done->answer->canonical_name.text()
                        : std::string(base::error_name(done->answer.error().code));
  }

  FakeOpener opener;
  std::optional<Resolver> secure;
};

TEST_F(OpenedLinksTest, AskByTheOpenersLinksAndByNothingElse) {
  ask_secure("a.example");
  ask_secure("b.example", kOverHttps);
  ASSERT_EQ(opener.links.size(), 2u);
  EXPECT_EQ(opener.links[0]->server, kOverTls);
  EXPECT_EQ(opener.links[1]->server, kOverHttps);
  opener.links[0]->answer(0);
  EXPECT_EQ(secure_done(), "a.example");
  ask_secure("c.example");
  EXPECT_EQ(opener.links.size(), 2u);
  EXPECT_EQ(opener.links[0]->asked.size(), 2u);
  EXPECT_TRUE(stack.sent.empty());
  EXPECT_TRUE(stack.connections.empty());
}

TEST_F(OpenedLinksTest, FailWithoutAnOpener) {
  ask("a.example", {kOverTls});
  resolver.advance(now());
  EXPECT_EQ(next_done(), "dns_server_failure");
  EXPECT_TRUE(stack.connections.empty());
}

TEST_F(OpenedLinksTest, FailWhenTheOpenerCannot) {
  opener.error = base::Error{Errc::net_out_of_memory};
  ask_secure("a.example");
  EXPECT_EQ(secure_done(), "dns_server_failure");
}

TEST_F(OpenedLinksTest, CancelledQuestionsAreForgottenThere) {
  const LookupId id = ask_secure("a.example");
  secure->cancel(id);
  ASSERT_EQ(opener.links[0]->forgotten.size(), 1u);
  EXPECT_EQ(opener.links[0]->forgotten[0], opener.links[0]->question(0).id);
  EXPECT_EQ(secure_done(), "");
}

TEST_F(OpenedLinksTest, OneFailedQuestionIsItsOwnAffair) {
  ask_secure("a.example");
  ask_secure("b.example");
  FakeState& link = *opener.links[0];
  link.replies.push_back({link.question(0).id, base::Error{Errc::dns_server_failure, 503}});
  EXPECT_EQ(secure_done(), "dns_server_failure");
  link.answer(1);
  EXPECT_EQ(secure_done(), "b.example");
  EXPECT_FALSE(link.is_closed);
}

TEST_F(OpenedLinksTest, WhatALeavingLinkDidNotAnswerMovesOn) {
  ask_secure("a.example");
  ask_secure("b.example");
  FakeState& first = *opener.links[0];
  first.answer(0);
  EXPECT_EQ(secure_done(), "a.example");
  first.accepts = false;  // as after GOAWAY
  first.replies.push_back({first.question(1).id, base::Error{Errc::http2_refused}});
  EXPECT_EQ(secure_done(), "");
  ASSERT_EQ(opener.links.size(), 2u);
  EXPECT_TRUE(first.is_closed);
  opener.links[1]->answer(0);
  EXPECT_EQ(secure_done(), "b.example");
}

TEST_F(OpenedLinksTest, EndWithTheReasonOfTheFirstConnection) {
  ask_secure("a.example");
  opener.links[0]->end = base::Error{Errc::tls_cert_expired};
  (void)secure_done();
  EXPECT_EQ(opener.links.size(), 1u);
}

}  // namespace
}  // namespace mix::dns
