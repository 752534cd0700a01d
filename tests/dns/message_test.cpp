#include "mix/dns/message.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "mix/base/encoding.h"
#include "mix/dns/constants.h"
#include "support/dns_message.h"
#include "support/seeded_rng.h"

namespace mix::dns {
namespace {

using base::Bytes;
using base::Errc;

Name name_of(std::string_view text) { return Name::parse(text).value(); }

TEST(Name, ReadsHostNames) {
  EXPECT_EQ(base::hex_encode(name_of("example.com").wire()), "076578616d706c6503636f6d00");
  EXPECT_EQ(name_of("example.com.").wire().size(), 13u);
  EXPECT_EQ(name_of("a-b_c.D1.Example").text(), "a-b_c.D1.Example");
  EXPECT_EQ(name_of("a.b.c").num_labels(), 3u);
  EXPECT_EQ(name_of("a.b.CoM").label_from_right(0), "com");
  EXPECT_EQ(name_of("a.b.com").label_from_right(2), "a");
  EXPECT_EQ(name_of("a.b.com").label_from_right(3), "");
}

TEST(Name, RefusesWhatIsNoHostName) {
  const std::string label63(63, 'a');
  const std::string longest = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'a');
  EXPECT_EQ(name_of(longest).wire().size(), kMaxNameSize);
  for (const std::string& text :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a.."),
        std::string("a b"), std::string("a/b"), std::string("a:b"), std::string("b\xc3\xbc"),
        std::string("a\0b", 3), std::string("a\n"), std::string("*.a"), label63 + "a.com",
        longest + "a"}) {
    const auto name = Name::parse(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().code, Errc::dns_bad_name);
    EXPECT_EQ(name.error().context, text);
  }
}

TEST(Name, ComparesWithoutCase) {
  EXPECT_TRUE(name_of("WWW.Example.com") == name_of("www.eXAMPLE.COM"));
  EXPECT_FALSE(name_of("WWW.Example.com").is_identical(name_of("www.eXAMPLE.COM")));
  EXPECT_FALSE(name_of("www.example.com") == name_of("www.example.org"));
  // Neighbours of the letters differ by the same bit and are not letters.
  EXPECT_EQ(name_of("a-1_z").key(), name_of("A-1_Z").key());
}

TEST(Name, TakesARandomCase) {
  test::SeededRng rng(5);
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    const Name cased = name_of("www.example-1.com").with_random_case(rng);
    EXPECT_TRUE(cased == name_of("www.example-1.com"));
    seen.insert(cased.text());
  }
  EXPECT_GE(seen.size(), 45u);
}

TEST(Query, HasTheBytesOfRfc1035) {
  const Question question{name_of("example.com"), RecordType::kAaaa};
  EXPECT_EQ(base::hex_encode(encode_query(0x1234, question, Edns::kOff)),
            "12340120000100000000000007"
            "6578616d706c65"
            "03636f6d00"
            "001c0001");
  EXPECT_EQ(base::hex_encode(encode_query(0x1234, question, Edns::kOn)),
            "12340120000100000000000107"
            "6578616d706c65"
            "03636f6d00"
            "001c0001"
            "00"
            "0029"
            "04d0"
            "00000000"
            "0000");
}

// A captured shape: compressed names, a chain, an OPT record behind.
Bytes compressed_answer() {
  base::Writer out;
  out.u16be(0xbeef).u16be(0x8180).u16be(1).u16be(3).u16be(0).u16be(1);
  out.bytes(test::dns_name("www.example.com")).u16be(1).u16be(1);  // at 12
  out.u16be(0xc00c).u16be(5).u16be(1).u32be(60).u16be(7);          // www.example.com CNAME
  out.u8(4).bytes(base::as_bytes("host")).u16be(0xc010);           // host.example.com, at 45
  out.u16be(0xc02d).u16be(1).u16be(1).u32be(90).u16be(4).u32be(0xc0000201);  // A
  out.u16be(0xc02d).u16be(1).u16be(1).u32be(0x80000000).u16be(4).u32be(0xc0000202);
  out.u8(0).u16be(41).u16be(1232).u32be(0).u16be(0);
  return out.take();
}

TEST(Answer, IsReadWithCompressedNames) {
  const auto message = decode_message(compressed_answer());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id, 0xbeef);
  EXPECT_TRUE(message->is_response);
  EXPECT_FALSE(message->is_truncated);
  EXPECT_EQ(message->code, ResponseCode::kNoError);
  ASSERT_EQ(message->questions.size(), 1u);
  EXPECT_EQ(message->questions[0].name.text(), "www.example.com");
  ASSERT_EQ(message->answers.size(), 3u);
  EXPECT_EQ(message->answers[0].owner.text(), "www.example.com");
  EXPECT_EQ(std::get<Name>(message->answers[0].data).text(), "host.example.com");
  EXPECT_EQ(message->answers[0].ttl, 60u);
  EXPECT_EQ(message->answers[1].owner.text(), "host.example.com");
  EXPECT_EQ(std::get<net::Ipv4>(message->answers[1].data), (net::Ipv4{{192, 0, 2, 1}}));
  EXPECT_EQ(message->answers[2].ttl, 0u);  // out of range
}

TEST(Answer, IsMalformedAtEveryTruncation) {
  const Bytes whole = compressed_answer();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto message = decode_message(base::ByteView(whole).first(size));
    ASSERT_FALSE(message) << size;
    EXPECT_EQ(message.error().code, Errc::dns_malformed) << size;
  }
}

TEST(Answer, SurvivesEveryFlippedByte) {
  const Bytes whole = compressed_answer();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      Bytes altered = whole;
      altered[at] = static_cast<std::uint8_t>(value);
      const auto message = decode_message(altered);
      if (!message) {
        EXPECT_EQ(message.error().code, Errc::dns_malformed);
      }
    }
  }
}

TEST(Answer, ToleratesBytesBehindTheLastRecord) {
  Bytes longer = compressed_answer();
  longer.push_back(0);
  EXPECT_TRUE(decode_message(longer));
}

TEST(Answer, KeepsRecordsOfOtherTypesAndClassesAsBytes) {
  base::Writer out;
  out.u16be(1).u16be(0x8180).u16be(0).u16be(2).u16be(0).u16be(0);
  out.bytes(test::dns_name("a.example")).u16be(99).u16be(1).u32be(1).u16be(3).u8(2).u8('h').u8('i');
  out.bytes(test::dns_name("a.example")).u16be(1).u16be(3).u32be(1).u16be(2).u16be(7);  // CHAOS
  const auto message = decode_message(out.view());
  ASSERT_TRUE(message);
  EXPECT_EQ(std::get<Bytes>(message->answers[0].data), (Bytes{2, 'h', 'i'}));
  EXPECT_EQ(std::get<Bytes>(message->answers[1].data), (Bytes{0, 7}));
}

TEST(Answer, IsMalformedWhenDataHasAnotherSizeThanItsType) {
  for (const std::uint16_t type :
       {test::kTypeA, test::kTypeAaaa, test::kTypeCname, test::kTypeSoa}) {
    for (std::uint16_t size = 0; size < 40; ++size) {
      if ((type == 1 && size == 4) || (type == 28 && size == 16)) continue;
      base::Writer out;
      out.u16be(1).u16be(0x8180).u16be(0).u16be(1).u16be(0).u16be(0);
      out.u8(0).u16be(type).u16be(1).u32be(1).u16be(size);
      out.fill(size, 1);  // no name ends in here
      EXPECT_FALSE(decode_message(out.view())) << type << " " << size;
    }
  }
  // A name that runs over the end of its data into the next record.
  base::Writer out;
  out.u16be(1).u16be(0x8180).u16be(0).u16be(1).u16be(0).u16be(0);
  out.u8(0).u16be(5).u16be(1).u32be(1).u16be(2).bytes(test::dns_name("abc"));
  EXPECT_FALSE(decode_message(out.view()));
}

TEST(Answer, ReadsHowLongADenialHolds) {
  base::Writer out;
  out.u16be(1).u16be(0x8183).u16be(0).u16be(0).u16be(1).u16be(0);
  out.bytes(test::dns_name("example")).u16be(6).u16be(1).u32be(600).u16be(23);
  out.u8(0).u16be(0xc00c);  // the root's server, a mailbox named by pointer
  out.u32be(1).u32be(2).u32be(3).u32be(4).u32be(120);
  const auto message = decode_message(out.view());
  ASSERT_TRUE(message);
  EXPECT_EQ(message->code, ResponseCode::kNameError);
  EXPECT_EQ(std::get<Soa>(message->authorities.at(0).data).minimum, 120u);
  EXPECT_EQ(message->authorities[0].ttl, 600u);
}

TEST(Pointer, MayOnlyLeadBackwards) {
  const auto read = [](std::initializer_list<std::uint8_t> bytes, std::size_t at) {
    const Bytes message(bytes);
    const auto name = read_name(message, at);
    return name ? name->name.text() : std::string(base::error_name(name.error().code));
  };
  EXPECT_EQ(read({0xc0, 0}, 0), "dns_malformed");           // itself
  EXPECT_EQ(read({0xc0, 2, 0xc0, 0}, 2), "dns_malformed");  // each other
  EXPECT_EQ(read({0xc0, 2, 0}, 0), "dns_malformed");        // forwards
  EXPECT_EQ(read({1, 'a', 0xc0, 0}, 0), "dns_malformed");   // into its own labels
  EXPECT_EQ(read({1, 'a', 0xc0, 0}, 2), "dns_malformed");   // which lead back again
  EXPECT_EQ(read({1, 'a', 0, 1, 'b', 0xc0, 0}, 3), "b.a");
  EXPECT_EQ(read({1, 'a', 0, 0xc0, 0, 0xc0, 3}, 5), "a");  // over two pointers
  EXPECT_EQ(read({0xc0}, 0), "dns_malformed");
  EXPECT_EQ(read({0x40, 0}, 0), "dns_malformed");  // reserved label types
  EXPECT_EQ(read({0x80, 0}, 0), "dns_malformed");
  EXPECT_EQ(read({}, 0), "dns_malformed");
  EXPECT_EQ(read({0}, 1), "dns_malformed");
  EXPECT_EQ(read({3, 'a', '.', 0xff, 0}, 0), "a\\046\\255");  // no dot in a label confuses
}

TEST(Pointer, CannotBuildNamesBeyondTheLimit) {
  // Label upon label, each followed by a pointer to the one before.
  Bytes message{0};
  std::size_t previous = 0;
  std::size_t longest = 0;
  for (int i = 0; i < 10; ++i) {
    const std::size_t at = message.size();
    message.push_back(63);
    message.insert(message.end(), 63, 'x');
    message.push_back(static_cast<std::uint8_t>(0xc0 | previous >> 8));
    message.push_back(static_cast<std::uint8_t>(previous & 0xff));
    previous = at;
    const auto name = read_name(message, at);
    EXPECT_EQ(name.has_value(), i < 3) << i;
    if (name) longest = name->name.wire().size();
  }
  EXPECT_EQ(longest, 3u * 64 + 1);
}

TEST(Head, TellsAboutAMessageWhoseRecordsAreBroken) {
  Bytes broken = compressed_answer();
  broken.resize(40);
  const auto head = decode_head(broken);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->id, 0xbeef);
  EXPECT_EQ(head->questions.at(0).name.text(), "www.example.com");
  for (std::size_t size = 0; size < 33; ++size) {
    EXPECT_FALSE(decode_head(base::ByteView(broken).first(size))) << size;
  }
}

TEST(Head, OfATruncatedMessageIsAllThatIsRead) {
  base::Writer out;
  out.u16be(1).u16be(0x8380).u16be(0).u16be(50).u16be(0).u16be(0).u8(1);
  const auto message = decode_message(out.view());
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is_truncated);
  EXPECT_TRUE(message->answers.empty());
}

}  // namespace
}  // namespace mix::dns
