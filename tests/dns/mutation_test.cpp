// Random and altered answers to real questions: none may crash the resolver, and none may be
// believed whose head does not answer what was asked. MIX_DNS_MUTATIONS sets how many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "mix/base/encoding.h"
#include "mix/dns/resolver.h"
#include "support/dns_message.h"
#include "support/fake_stack.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::dns {
namespace {

using base::Bytes;

constexpr std::size_t kHeadSize = 12;
constexpr std::size_t kRandomMessages = 10'000;

std::size_t num_mutations() {
  const char* text = std::getenv("MIX_DNS_MUTATIONS");
  return text == nullptr ? 20'000 : static_cast<std::size_t>(std::atoll(text));
}

class MutationTest : public testing::Test {
 protected:
  /// Asks, lets the resolver hear `change` of a good answer, and judges what it believed. Gives
  /// whether it believed anything.
  template <class F>
  bool round(RecordType type, F&& change) {
    AskOptions options;
    options.cache = CacheUse::kIgnore;
    const LookupId id = resolver.ask("www.example.com", type, options, clock.now());
    EXPECT_FALSE(stack.sent.empty());
    const auto query = stack.sent.front();
    const test::DnsQuery asked = test::read_dns_query(query.payload);
    const Bytes good = good_answer(asked);
    const Bytes bytes = change(good);
    (void)stack.answer(query, bytes);
    resolver.advance(clock.now());
    bool is_believed = false;
    while (const auto done = resolver.poll_answer()) {
      EXPECT_EQ(done->id, id);
      is_believed |= done->answer.has_value();
      if (done->answer) EXPECT_FALSE(done->answer->records.empty());
    }
    if (is_believed) {
      EXPECT_TRUE(answers(bytes, good, asked))
          << "believed " << base::hex_encode(bytes) << " to " << base::hex_encode(query.payload);
    }
    resolver.cancel(id);
    stack.sent.clear();
    stack.connections.clear();
    return is_believed;
  }

  /// The judge, by bytes alone: our id, a plain whole answer, our question with its case.
  static bool answers(const Bytes& bytes, const Bytes& good, const test::DnsQuery& asked) {
    const std::size_t end = kHeadSize + asked.question.size();
    if (bytes.size() < end) return false;
    const bool is_plain = (bytes[2] & 0xfa) == 0x80 && (bytes[3] & 0x0f) == 0;  // QR, no TC, code 0
    return bytes[0] == good[0] && bytes[1] == good[1] && is_plain && bytes[4] == 0 &&
           bytes[5] == 1 &&
           std::equal(asked.question.begin(), asked.question.end(), bytes.begin() + kHeadSize);
  }

  static Bytes good_answer(const test::DnsQuery& asked) {
    base::Writer out;
    out.u16be(asked.id).u16be(0x8180).u16be(1).u16be(3).u16be(1).u16be(0).bytes(asked.question);
    const auto record = [&](std::uint16_t owner, std::uint16_t type, const Bytes& data) {
      out.u16be(owner).u16be(type).u16be(1).u32be(60);
      out.u16be(static_cast<std::uint16_t>(data.size())).bytes(data);
    };
    const std::size_t host = 0xc000 + out.size() + 12;  // of the first record's data
    record(0xc00c, test::kTypeCname, {4, 'h', 'o', 's', 't', 0xc0, 16});
    const auto owner = static_cast<std::uint16_t>(host);
    record(owner, test::kTypeA, {192, 0, 2, 1});
    record(owner, test::kTypeTxt, {2, 'h', 'i'});
    Bytes soa = test::dns_name("ns.example");
    base::append(soa, test::dns_name("m.example"));
    soa.resize(soa.size() + 20);
    record(0xc010, test::kTypeSoa, soa);
    return out.take();
  }

  test::ManualClock clock;
  test::SeededRng rng{21};
  test::FakeStack stack;
  Resolver resolver{ResolverConfig{}, stack, rng};
};

TEST_F(MutationTest, BelievesTheGoodAnswer) {
  EXPECT_TRUE(round(RecordType::kA, [](const Bytes& good) { return good; }));
  EXPECT_TRUE(round(RecordType::kTxt, [](const Bytes& good) { return good; }));
  EXPECT_FALSE(round(RecordType::kMx, [](const Bytes& good) { return good; }));
}

TEST_F(MutationTest, BelievesNoRandomMessage) {
  for (std::size_t i = 0; i < kRandomMessages; ++i) {
    const bool is_believed = round(RecordType::kA, [&](const Bytes& good) {
      Bytes noise(static_cast<std::size_t>(rng.uniform(300)));
      rng.fill(noise);
      // Half of them begin well.
      if (i % 2 == 0) {
        const std::size_t n = std::min<std::size_t>(noise.size(), 33);
        std::copy_n(good.begin(), n, noise.begin());
      }
      return noise;
    });
    ASSERT_FALSE(is_believed && i % 2 == 1);
    ASSERT_FALSE(HasFailure()) << "message " << i;
  }
}

TEST_F(MutationTest, BelievesOnlyWhatAnswersTheQuestion) {
  std::size_t believed = 0;
  const std::size_t total = num_mutations();
  for (std::size_t i = 0; i < total; ++i) {
    const RecordType type = i % 2 == 0 ? RecordType::kA : RecordType::kTxt;
    believed += round(type, [&](const Bytes& good) {
      Bytes bytes = good;
      for (std::uint64_t n = rng.uniform(4) + 1; n > 0 && !bytes.empty(); --n) {
        const auto at = static_cast<std::size_t>(rng.uniform(bytes.size()));
        const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        switch (rng.uniform(6)) {
          case 0:
            bytes.resize(at);
            break;
          case 1:
            bytes.erase(place);
            break;
          case 2:
            bytes.insert(place, static_cast<std::uint8_t>(rng.u32()));
            break;
          case 3:
            bytes[at] ^= static_cast<std::uint8_t>(1U << rng.uniform(8));
            break;
          case 4:
            bytes[at] = static_cast<std::uint8_t>(0xc0 + rng.uniform(2));  // perhaps a pointer
            break;
          default:
            bytes[at] = static_cast<std::uint8_t>(rng.u32());
        }
      }
      return bytes;
    });
    ASSERT_FALSE(HasFailure()) << "message " << i;
  }
  // The alterations are neither all harmless nor all fatal.
  EXPECT_GT(believed, total / 50);
  EXPECT_LT(believed, total / 2);
}

}  // namespace
}  // namespace mix::dns
