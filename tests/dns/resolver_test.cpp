// The resolver against a scripted network, on virtual time.
#include "mix/dns/resolver.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "mix/dns/constants.h"
#include "resolver_fixture.h"

namespace mix::dns {
namespace {

using test::kTypeCname;

// --- The ordinary case --------------------------------------------------------------------------

TEST_F(ResolverTest, AsksBothFamiliesAtOnceAndPutsAFirst) {
  const LookupId id = resolver.lookup("Example.com", now());
  ASSERT_EQ(stack.sent.size(), 2u);
  auto queries = sent_by_type();
  for (const auto& [type, query] : queries) {
    EXPECT_EQ(query.to, kPrimary);
    const auto read = test::read_dns_query(query.payload);
    EXPECT_EQ(read.name, "example.com");
    EXPECT_EQ(read.flags, 0x0120);
    EXPECT_TRUE(read.has_edns);
  }
  EXPECT_NE(queries[kTypeA].socket, queries[kTypeAaaa].socket);
  answer(queries[kTypeAaaa], DnsAnswer(queries[kTypeAaaa].payload).address("2001:db8::1"));
  EXPECT_EQ(result(), "");
  stack.answer(
      queries[kTypeA],
      DnsAnswer(queries[kTypeA].payload).address("192.0.2.1").address("192.0.2.2").bytes());
  resolver.advance(now());
  const auto done = resolver.poll_event();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->id, id);
  ASSERT_TRUE(done->addresses);
  EXPECT_EQ(net::to_string(done->addresses->at(0)), "192.0.2.1");
  EXPECT_EQ(net::to_string(done->addresses->at(1)), "192.0.2.2");
  EXPECT_EQ(net::to_string(done->addresses->at(2)), "2001:db8::1");
  EXPECT_EQ(stack.open_sockets, 0u);
  EXPECT_EQ(resolver.next_deadline(), std::nullopt);
}

TEST_F(ResolverTest, WaitsOnlyAMomentForTheSecondFamily) {
  (void)resolver.lookup("example.com", now());
  auto queries = sent_by_type();
  answer(queries[kTypeA], DnsAnswer(queries[kTypeA].payload).address("192.0.2.1"));
  EXPECT_EQ(result(), "");
  EXPECT_EQ(resolver.next_deadline(), base::Deadline{now() + 50ms});
  pass(50ms);
  EXPECT_EQ(result(), "192.0.2.1");
  // What comes later serves the next lookup.
  answer(queries[kTypeAaaa], DnsAnswer(queries[kTypeAaaa].payload).address("2001:db8::1"));
  (void)resolver.lookup("example.com", now());
  EXPECT_EQ(result(), "192.0.2.1 2001:db8::1");
}

TEST_F(ResolverTest, PrefersAButDoesNotInsistOnIt) {
  (void)resolver.lookup("example.com", now());
  auto queries = sent_by_type();
  answer(queries[kTypeAaaa], DnsAnswer(queries[kTypeAaaa].payload).address("2001:db8::1"));
  pass(2999ms);
  EXPECT_EQ(result(), "");
  pass(1ms);
  EXPECT_EQ(result(), "2001:db8::1");
}

TEST_F(ResolverTest, AnswersWithAaaaAloneWhenThereIsNoA) {
  EXPECT_EQ(resolve(
                "v6.example.com", [](DnsAnswer& a) { a.authority("example.com", 60, 60); },
                [](DnsAnswer& a) { a.address("2001:db8::6"); }),
            "2001:db8::6");
}

TEST_F(ResolverTest, ReturnsLiteralsAtOnce) {
  for (const auto& [host, expected] : std::map<std::string, std::string>{
           {"192.0.2.7", "192.0.2.7"}, {"2001:DB8::7", "2001:db8::7"}, {"[::1]", "::1"}}) {
    (void)resolver.lookup(host, now());
    EXPECT_EQ(result(), expected);
  }
  EXPECT_TRUE(stack.sent.empty());
}

TEST_F(ResolverTest, AsksForNoNameThatMustNotLeave) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"localhost", "dns_not_found"},
      {"LocalHost.", "dns_not_found"},
      {"a.localhost", "dns_not_found"},
      {"abc.onion", "dns_bad_name"},
      {"ABC.Onion.", "dns_bad_name"},
      {"printer.local", "dns_bad_name"},
      {"intranet", "dns_bad_name"},
      {"com.", "dns_bad_name"},
      {"", "dns_bad_name"},
      {"1.2.3.4.5", "dns_bad_name"},
      {"1.2.3.400", "dns_bad_name"},
      {"[1.2.3.4]", "dns_bad_name"},
      {"a..b", "dns_bad_name"},
      {"bücher.example", "dns_bad_name"},
      {"[::1", "dns_bad_name"},
  };
  for (const auto& [host, expected] : cases) {
    (void)resolver.lookup(host, now());
    EXPECT_EQ(result(), std::string(expected) + ": " + host);
  }
  EXPECT_TRUE(stack.sent.empty());
  EXPECT_EQ(resolver.next_deadline(), std::nullopt);
}

// --- Denials ------------------------------------------------------------------------------------

TEST_F(ResolverTest, ReportsANameThatDoesNotExistAtOnce) {
  (void)resolver.lookup("nowhere.example.com", now());
  auto queries = sent_by_type();
  answer(queries[kTypeA],
         DnsAnswer(queries[kTypeA].payload).code(3).authority("example.com", 60, 60));
  EXPECT_EQ(result(), "dns_not_found: nowhere.example.com");
}

TEST_F(ResolverTest, ReportsANameWithoutAddresses) {
  const auto none = [](DnsAnswer& a) { a.authority("example.com", 60, 60); };
  EXPECT_EQ(resolve("empty.example.com", none, none), "dns_not_found: empty.example.com");
  EXPECT_EQ(resolve("bare.example.com", [](DnsAnswer&) {}), "dns_not_found: bare.example.com");
}

TEST_F(ResolverTest, RemembersADenialAsLongAsItSays) {
  const auto none = [](DnsAnswer& a) { a.code(3).authority("example.com", 100, 40); };
  EXPECT_EQ(resolve("nowhere.example.com", none), "dns_not_found: nowhere.example.com");
  stack.sent.clear();
  pass(39s);
  (void)resolver.lookup("nowhere.example.com", now());
  EXPECT_TRUE(stack.sent.empty());
  EXPECT_EQ(result(), "dns_not_found: nowhere.example.com");
  pass(2s);
  (void)resolver.lookup("nowhere.example.com", now());
  EXPECT_FALSE(stack.sent.empty());
}

TEST_F(ResolverTest, RemembersADenialFiveMinutesAtMost) {
  const auto none = [](DnsAnswer& a) { a.code(3).authority("example.com", 86400, 86400); };
  (void)resolve("nowhere.example.com", none);
  pass(299s);
  (void)resolver.lookup("nowhere.example.com", now());
  EXPECT_EQ(result(), "dns_not_found: nowhere.example.com");
  pass(2s);
  (void)resolver.lookup("nowhere.example.com", now());
  EXPECT_EQ(result(), "");
}

TEST_F(ResolverTest, DoesNotRememberADenialWithoutAuthority) {
  (void)resolve("nowhere.example.com", [](DnsAnswer& a) { a.code(3); });
  (void)resolver.lookup("nowhere.example.com", now());
  EXPECT_EQ(result(), "");
  EXPECT_FALSE(stack.sent.empty());
}

// --- Cache --------------------------------------------------------------------------------------

TEST_F(ResolverTest, RemembersAnswersForTheirTime) {
  const auto fill = [](DnsAnswer& a) { a.address("192.0.2.1", 100).address("192.0.2.2", 60); };
  const auto fill6 = [](DnsAnswer& a) { a.authority("example.com", 600, 600); };
  EXPECT_EQ(resolve("example.com", fill, fill6), "192.0.2.1 192.0.2.2");
  pass(59s);
  (void)resolver.lookup("EXAMPLE.com", now());
  EXPECT_EQ(result(), "192.0.2.1 192.0.2.2");
  EXPECT_TRUE(stack.sent.empty());
  pass(1s);
  (void)resolver.lookup("example.com", now());
  EXPECT_EQ(result(), "");
  EXPECT_EQ(stack.sent.size(), 1u);  // the denial of AAAA holds longer
}

TEST_F(ResolverTest, RemembersForASecondAtLeastAndADayAtMost) {
  const auto forever = [](DnsAnswer& a) { a.address("192.0.2.1", 0x7fffffff); };
  const auto never = [](DnsAnswer& a) { a.address("192.0.2.1", 0); };
  const auto no = [](DnsAnswer& a) { a.authority("example.com", 86400, 86400); };
  (void)resolve("forever.example.com", forever, no);
  (void)resolve("never.example.com", never, no);
  (void)resolver.lookup("never.example.com", now());
  EXPECT_EQ(result(), "192.0.2.1");
  pass(1s);
  const LookupId again = resolver.lookup("never.example.com", now());
  EXPECT_EQ(sent_by_type().size(), 1u);
  resolver.cancel(again);
  pass(24h - 2s);
  (void)resolver.lookup("forever.example.com", now());
  EXPECT_EQ(sent_by_type().count(kTypeA), 0u);
  pass(2s);
  (void)resolver.lookup("forever.example.com", now());
  EXPECT_EQ(sent_by_type().count(kTypeA), 1u);
}

TEST_F(ResolverTest, BoundsTheCacheAndDropsWhatEndsFirst) {
  config.max_cache_entries = 4;
  Resolver small(config, stack, rng);
  const auto fetch = [&](const std::string& host, std::uint32_t ttl) {
    (void)small.lookup(host, now());
    for (auto& [type, query] : sent_by_type()) {
      DnsAnswer out(query.payload);
      out.address(type == kTypeA ? "192.0.2.1" : "2001:db8::1", ttl);
      stack.answer(query, out.bytes());
    }
    small.advance(now());
    EXPECT_TRUE(small.poll_event());
  };
  fetch("long.example.com", 1000);
  fetch("short.example.com", 10);
  fetch("middle.example.com", 100);
  (void)small.lookup("long.example.com", now());
  (void)small.lookup("middle.example.com", now());
  EXPECT_TRUE(stack.sent.empty());
  (void)small.lookup("short.example.com", now());
  EXPECT_EQ(stack.sent.size(), 2u);
}

TEST_F(ResolverTest, ForgetsWhenTold) {
  (void)resolve("example.com", [](DnsAnswer& a) { a.address("192.0.2.1"); });
  resolver.clear_cache();
  stack.sent.clear();
  (void)resolver.lookup("example.com", now());
  EXPECT_EQ(stack.sent.size(), 2u);
}

TEST_F(ResolverTest, SharesOneQueryAmongEqualQuestions) {
  std::set<LookupId> ids;
  for (const char* host : {"example.com", "EXAMPLE.COM.", "example.com"}) {
    ids.insert(resolver.lookup(host, now()));
  }
  auto queries = sent_by_type();
  EXPECT_EQ(queries.size(), 2u);
  EXPECT_TRUE(stack.sent.empty());
  answer(queries[kTypeA], DnsAnswer(queries[kTypeA].payload).address("192.0.2.1"));
  answer(queries[kTypeAaaa], DnsAnswer(queries[kTypeAaaa].payload));
  for (int i = 0; i < 3; ++i) {
    const auto done = resolver.poll_event();
    ASSERT_TRUE(done);
    EXPECT_EQ(ids.erase(done->id), 1u);
  }
}

TEST_F(ResolverTest, AsksAgainAtOnceWhenThePathIsBack) {
  (void)resolver.lookup("example.com", now());
  const auto first = sent_by_type();
  clock.advance(config.retransmit - 1ms);
  resolver.resume(now());
  auto again = sent_by_type();
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[kTypeA].payload, first.at(kTypeA).payload) << "a late answer counts, too";
  clock.advance(1ms);
  resolver.advance(now());  // the fallback joins; the repetition has a time-out of its own
  for (const auto& sent : stack.sent) EXPECT_NE(sent.to, kPrimary);
  answer(again[kTypeA], DnsAnswer(again[kTypeA].payload).address("192.0.2.1"));
  answer(again[kTypeAaaa], DnsAnswer(again[kTypeAaaa].payload));
  EXPECT_EQ(result(), "192.0.2.1");
}

TEST_F(ResolverTest, KeepsCallersOfDifferentKeysApart) {
  const auto ask = [&](const char* isolation) {
    (void)resolver.lookup("example.com", Families::kBoth, AskOptions{.isolation = isolation},
                          now());
    auto sent = sent_by_type();
    for (auto& [type, query] : sent) {
      DnsAnswer out(query.payload);
      out.address(type == kTypeA ? "192.0.2.1" : "2001:db8::1");
      answer(query, out);
    }
    EXPECT_EQ(result(), "192.0.2.1 2001:db8::1") << isolation;
    return sent.size();
  };
  EXPECT_EQ(ask("a"), 2u);
  EXPECT_EQ(ask("b"), 2u);
  EXPECT_EQ(ask(""), 2u);
  for (const char* known : {"a", "b", ""}) EXPECT_EQ(ask(known), 0u) << known;
  // Nor does one of them wait for what another asked.
  (void)resolver.lookup("other.example", Families::kIpv4, AskOptions{.isolation = "a"}, now());
  (void)resolver.lookup("other.example", Families::kIpv4, AskOptions{.isolation = "b"}, now());
  EXPECT_EQ(stack.sent.size(), 2u);
}

TEST_F(ResolverTest, ResolvesNamesSideBySide) {
  (void)resolver.lookup("slow.example.com", now());
  stack.sent.clear();
  EXPECT_EQ(resolve("fast.example.com", [](DnsAnswer& a) { a.address("192.0.2.1"); }), "192.0.2.1");
}

TEST_F(ResolverTest, CancelEndsAQueryThatNobodyAwaits) {
  const LookupId first = resolver.lookup("example.com", now());
  const LookupId second = resolver.lookup("example.com", now());
  resolver.cancel(first);
  EXPECT_EQ(stack.open_sockets, 2u);
  resolver.cancel(second);
  EXPECT_EQ(stack.open_sockets, 0u);
  EXPECT_EQ(resolver.next_deadline(), std::nullopt);
  resolver.cancel(second);
  resolver.cancel(12345);
  const LookupId literal = resolver.lookup("192.0.2.1", now());
  resolver.cancel(literal);
  EXPECT_EQ(result(), "");
}

// --- Chains -------------------------------------------------------------------------------------

TEST_F(ResolverTest, FollowsAChainWithinOneAnswerInAnyOrder) {
  EXPECT_EQ(resolve("www.example.com",
                    [](DnsAnswer& a) {
                      a.address_of("host.example.net", "192.0.2.9")
                          .cname("cdn.example.org", "HOST.example.net", 30)
                          .cname("www.example.com", "cdn.example.org");
                    }),
            "192.0.2.9");
  // The chain lives as long as its shortest part.
  pass(29s);
  (void)resolver.lookup("www.example.com", now());
  EXPECT_EQ(sent_by_type().count(kTypeA), 0u);
  pass(2s);
  (void)resolver.lookup("www.example.com", now());
  EXPECT_EQ(sent_by_type().count(kTypeA), 1u);
}

TEST_F(ResolverTest, BelievesNoRecordOutsideTheChain) {
  EXPECT_EQ(resolve("www.example.com",
                    [](DnsAnswer& a) {
                      a.address_of("evil.example.net", "192.0.2.66")
                          .cname("other.example.com", "evil.example.net");
                    }),
            "dns_not_found: www.example.com");
}

TEST_F(ResolverTest, AsksOnWhenTheAnswerEndsInAName) {
  (void)resolver.lookup("www.example.com", now());
  auto queries = sent_by_type();
  answer(queries[kTypeA],
         DnsAnswer(queries[kTypeA].payload).cname("www.example.com", "host.example.net", 20));
  auto again = sent_by_type();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(test::read_dns_query(again[kTypeA].payload).name, "host.example.net");
  EXPECT_EQ(again[kTypeA].to, kPrimary);
  EXPECT_FALSE(stack.answer(queries[kTypeA], {}));  // its socket is gone
  answer(again[kTypeA], DnsAnswer(again[kTypeA].payload).address("192.0.2.9", 600));
  pass(50ms);
  EXPECT_EQ(result(), "192.0.2.9");
  pass(21s);
  stack.sent.clear();
  (void)resolver.lookup("www.example.com", now());
  EXPECT_EQ(sent_by_type().count(kTypeA), 1u);
}

TEST_F(ResolverTest, StopsAChainAfterEightHops) {
  const auto chain = [](int hops) {
    return [hops](DnsAnswer& a) {
      std::string owner = "n0.example.com";
      for (int i = 1; i <= hops; ++i) {
        const std::string target = "n" + std::to_string(i) + ".example.com";
        a.cname(owner, target);
        owner = target;
      }
      a.address_of(owner, "192.0.2.8");
    };
  };
  EXPECT_EQ(resolve("n0.example.com", chain(8)), "192.0.2.8");
  resolver.clear_cache();
  EXPECT_EQ(resolve("n0.example.com", chain(9)), "dns_chain_too_long: n0.example.com");
}

TEST_F(ResolverTest, StopsAnEndlessChain) {
  const auto loop = [](DnsAnswer& a) {
    a.cname("a.example.com", "b.example.com").cname("b.example.com", "a.example.com");
  };
  EXPECT_EQ(resolve("a.example.com", loop, loop), "dns_chain_too_long: a.example.com");
  // The same over many answers.
  (void)resolver.lookup("c.example.com", now());
  for (int i = 0; i < 9; ++i) {
    for (auto& [type, query] : sent_by_type()) {
      const auto read = test::read_dns_query(query.payload);
      answer(query, DnsAnswer(query.payload).cname(read.name, "x" + read.name));
    }
  }
  EXPECT_EQ(result(), "dns_chain_too_long: c.example.com");
  EXPECT_TRUE(stack.sent.empty());
}

// --- Hostile answers ----------------------------------------------------------------------------

TEST_F(ResolverTest, KeepsWaitingThroughForgedAnswers) {
  (void)resolver.lookup("example.com", now());
  auto queries = sent_by_type();
  const auto& query = queries[kTypeA];
  const auto read = test::read_dns_query(query.payload);
  const auto good = [&] { return DnsAnswer(read).address("192.0.2.66"); };
  stack.answer(query, good().id(static_cast<std::uint16_t>(read.id + 1)).bytes());
  stack.deliver(query.socket, kFallback, good().bytes());
  stack.deliver(query.socket, {kPrimary.address, 5353}, good().bytes());
  stack.answer(query, good().not_a_response().bytes());
  stack.answer(query, good().question("example.org", kTypeA).bytes());
  stack.answer(query, good().question(read.asked_name, kTypeAaaa).bytes());
  stack.answer(query, good().without_question().bytes());
  stack.answer(query, query.payload);  // mirrored
  stack.answer(query, {});
  const Bytes whole = good().bytes();
  const std::size_t head = 12 + read.question.size();
  for (std::size_t size = 0; size < head; ++size) {
    stack.answer(query, base::ByteView(whole).first(size));
  }
  resolver.advance(now());
  EXPECT_EQ(result(), "");
  EXPECT_TRUE(stack.sent.empty());
  EXPECT_TRUE(stack.connections.empty());

  answer(queries[kTypeAaaa], DnsAnswer(queries[kTypeAaaa].payload));
  answer(query, DnsAnswer(read).address("192.0.2.1"));
  EXPECT_EQ(result(), "192.0.2.1");
}

TEST_F(ResolverTest, TurnsToTheFallbackWhenAnAnswerIsBrokenAtAnyPlace) {
  (void)resolver.lookup("example.com", now());
  const auto first = sent_by_type().at(kTypeA);
  const Bytes whole = DnsAnswer(first.payload).address("192.0.2.1").bytes();
  const std::size_t head = 12 + test::read_dns_query(first.payload).question.size();
  for (std::size_t size = head; size < whole.size(); ++size) {
    FakeStack other;
    Resolver fresh(config, other, rng);
    (void)fresh.lookup("example.com", now());
    FakeStack::Sent query = other.sent.at(0);
    other.sent.clear();
    const Bytes answer = DnsAnswer(query.payload).address("192.0.2.1").bytes();
    other.answer(query, base::ByteView(answer).first(size));
    fresh.advance(now());
    ASSERT_EQ(other.sent.size(), 1u) << size;
    EXPECT_EQ(other.sent[0].to, kFallback);
  }
}

TEST_F(ResolverTest, SurvivesEveryFlippedByteOfAnAnswer) {
  const auto size = [&] {
    (void)resolver.lookup("example.com", now());
    return DnsAnswer(next_sent().payload)
        .cname("example.com", "a.example.com")
        .address_of("a.example.com", "192.0.2.1")
        .bytes()
        .size();
  }();
  for (std::size_t at = 0; at < size; ++at) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      FakeStack other;
      Resolver fresh(config, other, rng);
      (void)fresh.lookup("example.com", now());
      const FakeStack::Sent query = other.sent.at(0);
      Bytes answer = DnsAnswer(query.payload)
                         .cname("example.com", "a.example.com")
                         .address_of("a.example.com", "192.0.2.1")
                         .bytes();
      answer[at] = static_cast<std::uint8_t>(answer[at] ^ flip);
      other.answer(query, answer);
      fresh.advance(now());
      (void)fresh.poll_event();
      (void)fresh.next_deadline();
    }
  }
}

TEST_F(ResolverTest, ReportsBrokenAnswersOfBothResolvers) {
  (void)resolver.lookup("example.com", now());
  for (int round = 0; round < 2; ++round) {
    for (auto& [type, query] : sent_by_type()) {
      Bytes broken = DnsAnswer(query.payload).address("192.0.2.1").bytes();
      broken.pop_back();
      stack.answer(query, broken);
      resolver.advance(now());
    }
  }
  EXPECT_EQ(result(), "dns_malformed: example.com");
}

TEST_F(ResolverTest, GivesNamesInTheCaseThatWasAskedFor) {
  (void)resolver.ask("Mail.example.com", RecordType::kMx, {}, now());
  const auto query = next_sent();
  const test::DnsQuery asked = test::read_dns_query(query.payload);
  ASSERT_NE(asked.asked_name, "Mail.example.com");
  base::Writer out;
  out.u16be(asked.id).u16be(0x8180).u16be(1).u16be(1).u16be(0).u16be(0).bytes(asked.question);
  out.u16be(0xc00c).u16be(15).u16be(1).u32be(60).u16be(4).u16be(10).u16be(0xc011);  // example.com
  EXPECT_TRUE(stack.answer(query, out.view()));
  resolver.advance(now());
  const auto done = resolver.poll_answer();
  ASSERT_TRUE(done && done->answer);
  EXPECT_EQ(done->answer->canonical_name.text(), "Mail.example.com");
  EXPECT_EQ(std::get<Mx>(done->answer->records.at(0)).exchange.text(), "example.com");
}

TEST_F(ResolverTest, UsesAnotherIdAndPortAndCaseEachTime) {
  std::set<std::uint16_t> ids;
  std::set<std::string> cases;
  std::set<int> sockets;
  for (int i = 0; i < 20; ++i) {
    Resolver fresh(config, stack, rng);
    (void)fresh.lookup("www.example.com", now());
    for (auto& [type, query] : sent_by_type()) {
      const auto read = test::read_dns_query(query.payload);
      ids.insert(read.id);
      cases.insert(read.asked_name);
      sockets.insert(query.socket);
    }
  }
  EXPECT_GE(ids.size(), 38u);
  EXPECT_GE(cases.size(), 35u);
  EXPECT_EQ(sockets.size(), 40u);
}

// --- Failing resolvers --------------------------------------------------------------------------

TEST_F(ResolverTest, AsksTheFallbackWhenThePrimaryRefuses) {
  for (const std::uint16_t code : {std::uint16_t{2}, std::uint16_t{5}, std::uint16_t{9}}) {
    resolver.clear_cache();
    (void)resolver.lookup("example.com", now());
    for (auto& [type, query] : sent_by_type()) {
      EXPECT_EQ(query.to, kPrimary);
      answer(query, DnsAnswer(query.payload).code(code));
    }
    auto again = sent_by_type();
    ASSERT_EQ(again.size(), 2u);
    for (auto& [type, query] : again) {
      EXPECT_EQ(query.to, kFallback);
      answer(query, DnsAnswer(query.payload).address(type == kTypeA ? "192.0.2.1" : "2001:db8::1"));
    }
    EXPECT_EQ(result(), "192.0.2.1 2001:db8::1");
  }
}

TEST_F(ResolverTest, ReportsWhenBothResolversRefuse) {
  (void)resolver.lookup("example.com", now());
  for (int round = 0; round < 2; ++round) {
    for (auto& [type, query] : sent_by_type()) answer(query, DnsAnswer(query.payload).code(2));
  }
  const auto done = resolver.poll_event();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->addresses.error().code, Errc::dns_server_failure);
  EXPECT_EQ(done->addresses.error().detail, 2u);
  EXPECT_EQ(done->addresses.error().context, "example.com");
}

TEST_F(ResolverTest, BelievesARefusalThatRepeatsNoQuestion) {
  (void)resolver.lookup("example.com", now());
  const auto query = sent_by_type().at(kTypeA);
  answer(query, DnsAnswer(query.payload).without_question().code(5));
  EXPECT_EQ(next_sent().to, kFallback);
}

TEST_F(ResolverTest, AsksWithoutEdnsWhereItIsNotUnderstood) {
  (void)resolver.lookup("example.com", now());
  auto queries = sent_by_type();
  answer(queries[kTypeA], DnsAnswer(queries[kTypeA].payload).code(1));
  const auto plain = next_sent();
  EXPECT_EQ(plain.to, kPrimary);
  EXPECT_FALSE(test::read_dns_query(plain.payload).has_edns);
  answer(plain, DnsAnswer(plain.payload).code(1));
  EXPECT_EQ(next_sent().to, kFallback);
}

TEST_F(ResolverTest, RepeatsAfterThreeAndSixSecondsAndRacesBothResolvers) {
  (void)resolver.lookup("example.com", now());
  auto queries = sent_by_type();
  EXPECT_EQ(resolver.next_deadline(), base::Deadline{now() + 3s});
  pass(2999ms);
  EXPECT_TRUE(stack.sent.empty());
  pass(1ms);
  ASSERT_EQ(stack.sent.size(), 4u);
  std::map<net::Ipv4, int> asked;
  std::optional<FakeStack::Sent> fallback;
  while (!stack.sent.empty()) {
    auto sent = next_sent();
    asked[std::get<net::Ipv4>(sent.to.address)] += 1;
    if (sent.to == kPrimary) {
      const auto& first = queries[test::read_dns_query(sent.payload).type];
      EXPECT_EQ(sent.payload, first.payload);
      EXPECT_EQ(sent.socket, first.socket);
    } else if (test::read_dns_query(sent.payload).type == kTypeA) {
      fallback = sent;
    }
  }
  EXPECT_EQ(asked.size(), 2u);
  pass(5999ms);
  const std::size_t before = stack.sent.size();  // the fallback's own first repetition
  EXPECT_EQ(before, 2u);
  pass(1ms);
  EXPECT_EQ(stack.sent.size(), before + 2);
  // Whoever answers first, even to the first question, wins.
  answer(*fallback, DnsAnswer(fallback->payload).address("192.0.2.2"));
  pass(50ms);
  EXPECT_EQ(result(), "192.0.2.2");
}

TEST_F(ResolverTest, AcceptsALateAnswerToTheFirstQuestion) {
  (void)resolver.lookup("example.com", now());
  auto queries = sent_by_type();
  pass(4s);
  answer(queries[kTypeA], DnsAnswer(queries[kTypeA].payload).address("192.0.2.1"));
  pass(50ms);
  EXPECT_EQ(result(), "192.0.2.1");
}

TEST_F(ResolverTest, TimesOutAfterTheTotalLimit) {
  (void)resolver.lookup("example.com", now());
  const base::TimePoint start = now();
  int wakes = 0;
  while (const auto next = resolver.next_deadline()) {
    ASSERT_GT(*next, now());
    pass(*next - now());
    ASSERT_LT(++wakes, 50);
  }
  EXPECT_EQ(now() - start, base::Duration{30s});
  EXPECT_EQ(result(), "dns_timeout: ");
  EXPECT_EQ(stack.open_sockets, 0u);
}

TEST_F(ResolverTest, DeliversWhatItHasAtTheLimit) {
  config.timeout = 2s;
  Resolver hasty(config, stack, rng);
  (void)hasty.lookup("example.com", now());
  auto queries = sent_by_type();
  stack.answer(queries[kTypeAaaa],
               DnsAnswer(queries[kTypeAaaa].payload).address("2001:db8::1").bytes());
  hasty.advance(now());
  clock.advance(2s);
  hasty.advance(now());
  const auto done = hasty.poll_event();
  ASSERT_TRUE(done && done->addresses);
  EXPECT_EQ(done->addresses->size(), 1u);
}

TEST_F(ResolverTest, FailsWhenThereIsNoRouteToAnyResolver) {
  stack.send_error = base::Error{Errc::net_unreachable};
  (void)resolver.lookup("example.com", now());
  resolver.advance(now());
  resolver.advance(now());
  EXPECT_EQ(result(), "dns_server_failure: example.com");
  stack.send_error.reset();
  stack.udp_error = base::Error{Errc::net_out_of_memory};
  (void)resolver.lookup("example.com", now());
  resolver.advance(now());
  resolver.advance(now());
  EXPECT_EQ(result(), "dns_server_failure: example.com");
}

TEST_F(ResolverTest, TakesAFullQueueForALoss) {
  stack.send_error = base::Error{Errc::net_out_of_memory};
  (void)resolver.lookup("example.com", now());
  stack.send_error.reset();
  pass(3s);
  const auto query = next_sent();
  EXPECT_EQ(query.to, kPrimary);
  EXPECT_EQ(result(), "");
}

TEST_F(ResolverTest, AsksOnceWhenBothResolversAreTheSame) {
  config.fallback = config.primary;
  Resolver lone(config, stack, rng);
  (void)lone.lookup("example.com", now());
  for (auto& [type, query] : sent_by_type()) {
    stack.answer(query, DnsAnswer(query.payload).code(2).bytes());
  }
  lone.advance(now());
  EXPECT_TRUE(stack.sent.empty());
  EXPECT_EQ(lone.poll_event()->addresses.error().code, Errc::dns_server_failure);
}

// --- TCP ----------------------------------------------------------------------------------------

class ResolverTcpTest : public ResolverTest {
 protected:
  /// Starts a lookup whose A answer is truncated; returns the connection's question.
  test::DnsQuery truncate() {
    (void)resolver.lookup("big.example.com", now());
    queries = sent_by_type();
    answer(queries[kTypeA], DnsAnswer(queries[kTypeA].payload).truncated());
    answer(queries[kTypeAaaa], DnsAnswer(queries[kTypeAaaa].payload));
    EXPECT_EQ(stack.connections.size(), 1u);
    return read_question();
  }
  test::DnsQuery read_question() {
    Bytes bytes(server().readable());
    bytes.resize(server().read(bytes));
    base::Reader reader(bytes);
    EXPECT_EQ(reader.u16be().value(), bytes.size() - 2);
    return test::read_dns_query(reader.rest());
  }
  net::Stream& server() { return *stack.connections.back().server; }
  static Bytes framed(const Bytes& message) {
    base::Writer out;
    out.u16be(static_cast<std::uint16_t>(message.size())).bytes(message);
    return out.take();
  }

  std::map<std::uint16_t, FakeStack::Sent> queries;
};

TEST_F(ResolverTcpTest, AsksTheSameResolverAgainAfterATruncatedAnswer) {
  const auto question = truncate();
  EXPECT_EQ(stack.connections[0].to, kPrimary);
  EXPECT_EQ(question.name, "big.example.com");
  EXPECT_EQ(question.type, kTypeA);
  EXPECT_NE(question.id, test::read_dns_query(queries[kTypeA].payload).id);
  DnsAnswer big(question);
  for (int i = 0; i < 200; ++i) big.address("192.0.2." + std::to_string(i));
  const Bytes bytes = framed(big.bytes());
  // In small pieces.
  for (std::size_t at = 0; at < bytes.size(); at += 100) {
    EXPECT_EQ(result(), "");
    ASSERT_TRUE(server().write(
        base::ByteView(bytes).subspan(at, std::min<std::size_t>(100, bytes.size() - at))));
    resolver.advance(now());
  }
  const auto done = resolver.poll_event();
  ASSERT_TRUE(done && done->addresses);
  EXPECT_EQ(done->addresses->size(), kMaxRecords);
}

TEST_F(ResolverTcpTest, TurnsToTheFallbackWhenTheConnectionFails) {
  (void)truncate();
  stack.connections[0].pair->fail_client(base::Error{Errc::net_connection_reset});
  resolver.advance(now());
  EXPECT_EQ(next_sent().to, kFallback);
}

TEST_F(ResolverTcpTest, TurnsToTheFallbackWhenTheConnectionEndsEarly) {
  const auto question = truncate();
  Bytes bytes = framed(DnsAnswer(question).address("192.0.2.1").bytes());
  bytes.pop_back();
  ASSERT_TRUE(server().write(bytes));
  server().shutdown();
  resolver.advance(now());
  EXPECT_EQ(next_sent().to, kFallback);
}

TEST_F(ResolverTcpTest, TurnsToTheFallbackWhenTheAnswerIsToAnotherQuestion) {
  const auto question = truncate();
  ASSERT_TRUE(server().write(framed(DnsAnswer(question)
                                        .id(static_cast<std::uint16_t>(question.id + 1))
                                        .address("192.0.2.1")
                                        .bytes())));
  resolver.advance(now());
  EXPECT_EQ(next_sent().to, kFallback);
}

TEST_F(ResolverTcpTest, TurnsToTheFallbackWhenThereIsNoConnection) {
  stack.connect_error = base::Error{Errc::net_out_of_memory};
  (void)resolver.lookup("big.example.com", now());
  auto sent = sent_by_type();
  answer(sent[kTypeA], DnsAnswer(sent[kTypeA].payload).truncated());
  EXPECT_EQ(next_sent().to, kFallback);
}

TEST_F(ResolverTcpTest, RacesTheFallbackWhenTheConnectionIsSlow) {
  (void)truncate();
  ASSERT_TRUE(resolver.next_deadline());
  EXPECT_EQ(*resolver.next_deadline(), now() + 3s);
  pass(3s);
  EXPECT_EQ(next_sent().to, kFallback);
  pass(12s);
  EXPECT_TRUE(base::is_due(resolver.next_deadline(), now() + 30s));
}

TEST_F(ResolverTcpTest, AsksByTcpWhenAResolverLosesTheCase) {
  (void)resolver.lookup("www.example.com", now());
  auto sent = sent_by_type();
  const auto read = test::read_dns_query(sent[kTypeA].payload);
  ASSERT_NE(read.asked_name, "www.example.com");
  answer(sent[kTypeA], DnsAnswer(read).question("www.example.com", kTypeA).address("192.0.2.66"));
  ASSERT_EQ(stack.connections.size(), 1u);
  const auto question = read_question();
  // There it need not keep it.
  ASSERT_TRUE(server().write(framed(
      DnsAnswer(question).question("www.example.com", kTypeA).address("192.0.2.1").bytes())));
  resolver.advance(now());
  pass(50ms);
  EXPECT_EQ(result(), "192.0.2.1");
}

}  // namespace
}  // namespace mix::dns
