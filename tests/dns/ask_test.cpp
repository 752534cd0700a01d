// Resolver::ask: records of every type, what is not there, time limits, cancelling, and who shares
// which answer.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "mix/dns/constants.h"
#include "resolver_fixture.h"

namespace mix::dns {
namespace {

constexpr const char* kName = "name.example";
const Server kChosen{net::Endpoint{net::Ipv4{{9, 9, 9, 9}}, 53}};

class ResolverAskTest : public ResolverTest {
 protected:
  LookupId ask(RecordType type, const AskOptions& options = {}) {
    return resolver.ask(kName, type, options, now());
  }
  /// The answer, or panics with the test when there is none.
  AnswerDone done() {
    auto out = resolver.poll_answer();
    EXPECT_TRUE(out.has_value());
    if (!out) return {0, Errc::internal_error};
    return *std::move(out);
  }
  Errc failure() {
    const AnswerDone out = done();
    EXPECT_FALSE(out.answer.has_value());
    return out.answer ? Errc::internal_error : out.answer.error().code;
  }
  /// Asks for one type and is given one record of it.
  template <class T>
  T resolve_one(RecordType type, const Bytes& data) {
    const LookupId id = ask(type);
    const auto query = next_sent();
    EXPECT_EQ(test::read_dns_query(query.payload).type, static_cast<std::uint16_t>(type));
    answer(query,
           DnsAnswer(query.payload).record(kName, static_cast<std::uint16_t>(type), 90, data));
    const AnswerDone out = done();
    EXPECT_EQ(out.id, id);
    if (!out.answer || out.answer->records.size() != 1) {
      ADD_FAILURE() << "no single record";
      return {};
    }
    EXPECT_EQ(out.answer->ttl, base::Duration{90s});
    EXPECT_EQ(out.answer->canonical_name.text(), kName);
    EXPECT_EQ(out.answer->server, kPrimary);
    EXPECT_FALSE(out.answer->is_from_cache);
    const auto* record = std::get_if<T>(&out.answer->records.front());
    EXPECT_NE(record, nullptr);
    return record != nullptr ? *record : T{};
  }
  /// The data of a record, field by field.
  class Data {
   public:
    Data& u16(std::uint16_t value) {
      out_.u16be(value);
      return *this;
    }
    Data& u32(std::uint32_t value) {
      out_.u32be(value);
      return *this;
    }
    Data& name(std::string_view text) {
      out_.bytes(test::dns_name(text));
      return *this;
    }
    Data& string(std::string_view text) {
      out_.u8(static_cast<std::uint8_t>(text.size())).bytes(base::as_bytes(text));
      return *this;
    }
    Data& raw(std::string_view text) {
      out_.bytes(base::as_bytes(text));
      return *this;
    }
    operator Bytes() { return out_.take(); }

   private:
    base::Writer out_;
  };
};

// --- Every type ---------------------------------------------------------------------------------

TEST_F(ResolverAskTest, GivesRecordsOfEveryType) {
  EXPECT_EQ(resolve_one<net::Ipv4>(RecordType::kA, {192, 0, 2, 1}), (net::Ipv4{{192, 0, 2, 1}}));
  Bytes six(16, 0);
  six.back() = 1;
  EXPECT_EQ(net::to_string(net::IpAddress{resolve_one<net::Ipv6>(RecordType::kAaaa, six)}), "::1");
  for (const RecordType type : {RecordType::kNs, RecordType::kPtr, RecordType::kCname}) {
    EXPECT_EQ(resolve_one<Name>(type, Data().name("target.example")).text(), "target.example");
  }
  const Soa soa = resolve_one<Soa>(
      RecordType::kSoa,
      Data().name("ns.example").name("admin.example").u32(1).u32(2).u32(3).u32(4).u32(5));
  EXPECT_EQ(soa.primary.text(), "ns.example");
  EXPECT_EQ(soa.mailbox.text(), "admin.example");
  EXPECT_EQ((std::vector{soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum}),
            (std::vector<std::uint32_t>{1, 2, 3, 4, 5}));
  const Mx mx = resolve_one<Mx>(RecordType::kMx, Data().u16(10).name("mail.example"));
  EXPECT_EQ(mx.preference, 10);
  EXPECT_EQ(mx.exchange.text(), "mail.example");
  const Txt txt = resolve_one<Txt>(RecordType::kTxt, Data().string("one").string(""));
  EXPECT_EQ(txt.strings, (std::vector<std::string>{"one", ""}));
  const Srv srv =
      resolve_one<Srv>(RecordType::kSrv, Data().u16(1).u16(2).u16(443).name("host.example"));
  EXPECT_EQ((std::vector{srv.priority, srv.weight, srv.port}),
            (std::vector<std::uint16_t>{1, 2, 443}));
  EXPECT_EQ(srv.target.text(), "host.example");
  const Caa caa =
      resolve_one<Caa>(RecordType::kCaa, Data().raw("\x80").string("issue").raw("ca.example"));
  EXPECT_EQ(caa.flags, 0x80);
  EXPECT_EQ(caa.tag, "issue");
  EXPECT_EQ(caa.value, "ca.example");
  for (const RecordType type : {RecordType::kSvcb, RecordType::kHttps}) {
    const Svcb svcb =
        resolve_one<Svcb>(type, Data().u16(1).name("svc.example").u16(3).u16(2).u16(8443));
    EXPECT_EQ(svcb.priority, 1);
    EXPECT_EQ(svcb.target.text(), "svc.example");
    ASSERT_EQ(svcb.parameters.size(), 1u);
    EXPECT_EQ(svcb.parameters[0].first, 3);
    EXPECT_EQ(svcb.parameters[0].second, (Bytes{0x20, 0xfb}));
  }
}

TEST_F(ResolverAskTest, FollowsAnAliasButNotWhenTheAliasItselfIsAskedFor) {
  (void)ask(RecordType::kTxt);
  auto query = next_sent();
  answer(query, DnsAnswer(query.payload)
                    .cname(kName, "other.example", 40)
                    .record("other.example", test::kTypeTxt, 90, Bytes{1, 'x'}));
  const AnswerDone text = done();
  ASSERT_TRUE(text.answer);
  EXPECT_EQ(text.answer->canonical_name.text(), "other.example");
  EXPECT_EQ(text.answer->ttl, base::Duration{40s});

  (void)ask(RecordType::kCname);
  query = next_sent();
  answer(query, DnsAnswer(query.payload).cname(kName, "other.example", 40));
  const AnswerDone alias = done();
  ASSERT_TRUE(alias.answer);
  EXPECT_EQ(alias.answer->canonical_name.text(), kName);
  EXPECT_EQ(std::get<Name>(alias.answer->records.at(0)).text(), "other.example");
}

TEST_F(ResolverAskTest, TellsWhetherTheResolverVouches) {
  (void)ask(RecordType::kA);
  const auto query = next_sent();
  Bytes bytes = DnsAnswer(query.payload).address("192.0.2.1").bytes();
  bytes[3] |= 0x20;  // AD: RFC 4035 §3.2.3
  ASSERT_TRUE(stack.answer(query, bytes));
  resolver.advance(now());
  const AnswerDone out = done();
  ASSERT_TRUE(out.answer);
  EXPECT_TRUE(out.answer->is_authenticated);
}

// --- What is not there --------------------------------------------------------------------------

TEST_F(ResolverAskTest, TellsAMissingNameFromAMissingType) {
  (void)ask(RecordType::kMx);
  auto query = next_sent();
  answer(query, DnsAnswer(query.payload).code(3).authority("example", 60, 60));
  EXPECT_EQ(failure(), Errc::dns_not_found);
  (void)ask(RecordType::kSrv);
  query = next_sent();
  answer(query, DnsAnswer(query.payload).authority("example", 60, 60));
  EXPECT_EQ(failure(), Errc::dns_no_records);
}

TEST_F(ResolverAskTest, RemembersWhatIsNotThereForItsTime) {
  (void)ask(RecordType::kMx);
  const auto query = next_sent();
  answer(query, DnsAnswer(query.payload).authority("example", 600, 20));
  EXPECT_EQ(failure(), Errc::dns_no_records);
  pass(19s);
  (void)ask(RecordType::kMx);
  EXPECT_EQ(failure(), Errc::dns_no_records);
  EXPECT_TRUE(stack.sent.empty());
  pass(1s);
  (void)ask(RecordType::kMx);
  EXPECT_EQ(stack.sent.size(), 1u);
}

TEST_F(ResolverAskTest, DoesNotRememberFailures) {
  config.fallback = config.primary;
  Resolver lone(config, stack, rng);
  for (int i = 0; i < 2; ++i) {
    (void)lone.ask(kName, RecordType::kMx, {}, now());
    const auto query = next_sent();
    ASSERT_TRUE(stack.answer(query, DnsAnswer(query.payload).code(2).bytes()));
    lone.advance(now());
    const auto out = lone.poll_answer();
    ASSERT_TRUE(out);
    EXPECT_EQ(out->answer.error().code, Errc::dns_server_failure);
  }
}

TEST_F(ResolverAskTest, RefusesNamesWithoutAQuestion) {
  for (const char* name :
       {"localhost", "a.localhost", "x.onion", "x.local", "single", "a..b", ""}) {
    (void)resolver.ask(name, RecordType::kTxt, {}, now());
    const Errc code = failure();
    EXPECT_TRUE(code == Errc::dns_bad_name || code == Errc::dns_not_found) << name;
  }
  EXPECT_TRUE(stack.sent.empty());
}

// --- Time ---------------------------------------------------------------------------------------

TEST_F(ResolverAskTest, TimesOutAtTheQuestionsOwnLimit) {
  AskOptions options;
  options.timeout = 700ms;
  (void)ask(RecordType::kTxt, options);
  EXPECT_EQ(resolver.next_deadline(), base::Deadline{now() + 700ms});
  pass(699ms);
  EXPECT_FALSE(resolver.poll_answer());
  pass(1ms);
  EXPECT_EQ(failure(), Errc::dns_timeout);
  resolver.advance(now());
  EXPECT_EQ(stack.open_sockets, 0u);
  EXPECT_EQ(resolver.next_deadline(), std::nullopt);
}

TEST_F(ResolverAskTest, TimesOutAtTheConfiguredLimitOtherwise) {
  (void)ask(RecordType::kTxt);
  const base::TimePoint start = now();
  while (const auto next = resolver.next_deadline()) pass(*next - now());
  EXPECT_EQ(now() - start, config.timeout);
  EXPECT_EQ(failure(), Errc::dns_timeout);
}

TEST_F(ResolverAskTest, WaitsAsLongAsTheMorePatientOfTwo) {
  AskOptions hasty;
  hasty.timeout = 1s;
  const LookupId first = ask(RecordType::kTxt, hasty);
  const LookupId second = ask(RecordType::kTxt);
  const auto query = next_sent();
  EXPECT_TRUE(stack.sent.empty());
  pass(1s);
  EXPECT_EQ(done().id, first);
  answer(query, DnsAnswer(query.payload).record(kName, test::kTypeTxt, 60, Bytes{1, 'x'}));
  const AnswerDone out = done();
  EXPECT_EQ(out.id, second);
  EXPECT_TRUE(out.answer.has_value());
}

TEST_F(ResolverAskTest, TtlsAreTrue) {
  const auto ttl_after = [&](base::Duration age) {
    pass(age);
    (void)ask(RecordType::kA);
    const AnswerDone out = done();
    EXPECT_TRUE(out.answer && out.answer->is_from_cache);
    return out.answer ? out.answer->ttl : base::Duration{};
  };
  EXPECT_EQ(resolve_one<net::Ipv4>(RecordType::kA, {192, 0, 2, 1}), (net::Ipv4{{192, 0, 2, 1}}));
  EXPECT_EQ(ttl_after(30s), base::Duration{60s});
  EXPECT_EQ(ttl_after(59s), base::Duration{1s});
  pass(1s);
  (void)ask(RecordType::kA);
  EXPECT_EQ(stack.sent.size(), 1u);
}

// --- Cancelling and sharing ---------------------------------------------------------------------

TEST_F(ResolverAskTest, CancellingClosesTheSocketAndSaysNothing) {
  const LookupId id = ask(RecordType::kTxt);
  EXPECT_EQ(stack.open_sockets, 1u);
  resolver.cancel(id);
  EXPECT_EQ(stack.open_sockets, 0u);
  EXPECT_EQ(resolver.next_deadline(), std::nullopt);
  pass(1min);
  EXPECT_FALSE(resolver.poll_answer());
  resolver.cancel(id);
  resolver.cancel(id + 100);
}

TEST_F(ResolverAskTest, CancellingOneLeavesTheOther) {
  const LookupId first = ask(RecordType::kTxt);
  const LookupId second = ask(RecordType::kTxt);
  resolver.cancel(first);
  const auto query = next_sent();
  answer(query, DnsAnswer(query.payload).record(kName, test::kTypeTxt, 60, Bytes{1, 'x'}));
  EXPECT_EQ(done().id, second);
  EXPECT_FALSE(resolver.poll_answer());
}

TEST_F(ResolverAskTest, CancellingAfterTheAnswerTakesItBack) {
  const LookupId id = ask(RecordType::kTxt);
  const auto query = next_sent();
  answer(query, DnsAnswer(query.payload).record(kName, test::kTypeTxt, 60, Bytes{1, 'x'}));
  resolver.cancel(id);
  EXPECT_FALSE(resolver.poll_answer());
}

TEST_F(ResolverAskTest, SharesAnswersWithLookUps) {
  EXPECT_EQ(resolve(kName, [](DnsAnswer& a) { a.address("192.0.2.7"); }), "192.0.2.7");
  (void)ask(RecordType::kA);
  EXPECT_TRUE(done().answer.has_value());
  EXPECT_TRUE(stack.sent.empty());
}

TEST_F(ResolverAskTest, DoesNotReadWhatItIsToldToIgnoreButRefreshesIt) {
  EXPECT_EQ(resolve_one<net::Ipv4>(RecordType::kA, {192, 0, 2, 1}), (net::Ipv4{{192, 0, 2, 1}}));
  AskOptions anew;
  anew.cache = CacheUse::kIgnore;
  (void)ask(RecordType::kA, anew);
  const auto query = next_sent();
  answer(query, DnsAnswer(query.payload).address("192.0.2.2"));
  EXPECT_FALSE(done().answer->is_from_cache);
  (void)ask(RecordType::kA);
  const AnswerDone kept = done();
  EXPECT_EQ(std::get<net::Ipv4>(kept.answer->records.at(0)), (net::Ipv4{{192, 0, 2, 2}}));
}

TEST_F(ResolverAskTest, KeepsAnswersOfAChosenResolverApart) {
  EXPECT_EQ(resolve_one<net::Ipv4>(RecordType::kA, {192, 0, 2, 1}), (net::Ipv4{{192, 0, 2, 1}}));
  AskOptions elsewhere;
  elsewhere.servers = {kChosen};
  (void)ask(RecordType::kA, elsewhere);
  const auto query = next_sent();
  EXPECT_EQ(query.to, kChosen.endpoint);
  answer(query, DnsAnswer(query.payload).address("192.0.2.9"));
  EXPECT_EQ(done().answer->server, kChosen.endpoint);
  (void)ask(RecordType::kA);
  const AnswerDone own = done();
  EXPECT_EQ(std::get<net::Ipv4>(own.answer->records.at(0)), (net::Ipv4{{192, 0, 2, 1}}));
}

TEST_F(ResolverAskTest, AsksNobodyElseThanTheChosenResolver) {
  AskOptions elsewhere;
  elsewhere.servers = {kChosen};
  (void)ask(RecordType::kA, elsewhere);
  const auto query = next_sent();
  answer(query, DnsAnswer(query.payload).code(2));
  EXPECT_EQ(failure(), Errc::dns_server_failure);
  EXPECT_TRUE(stack.sent.empty());
}

TEST_F(ResolverAskTest, AnswersTwoHundredQuestionsInOneTurn) {
  constexpr int kMany = 200;
  for (int i = 0; i < kMany; ++i) {
    (void)resolver.ask("host" + std::to_string(i) + ".example", RecordType::kA, {}, now());
  }
  ASSERT_EQ(stack.sent.size(), static_cast<std::size_t>(kMany));
  while (!stack.sent.empty()) {
    const auto query = next_sent();
    ASSERT_TRUE(stack.answer(query, DnsAnswer(query.payload).address("192.0.2.1").bytes()));
  }
  resolver.advance(now());
  int answered = 0;
  while (auto out = resolver.poll_answer()) answered += out->answer.has_value() ? 1 : 0;
  EXPECT_EQ(answered, kMany);
  EXPECT_EQ(stack.open_sockets, 0u);
}

}  // namespace
}  // namespace mix::dns
