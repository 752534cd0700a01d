// Record data of every type: what it says, and that nothing shorter or longer passes for it.
#include "mix/dns/record.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "mix/base/encoding.h"
#include "support/dns_message.h"

namespace mix::dns {
namespace {

using base::Bytes;
using base::Errc;

/// Data behind a header's worth of bytes that end in the name example.com, at offset 12.
class RecordTest : public testing::Test {
 protected:
  RecordTest() { prefix_.fill(12, 0).bytes(test::dns_name("example.com")); }

  base::Result<RecordData> read(RecordType type, const Bytes& data, std::size_t size) {
    base::Writer message;
    message.bytes(prefix_.view()).bytes(data).fill(8, 0xff);  // another record behind it
    return read_record_data(message.view(), prefix_.size(), size, type);
  }
  template <class T>
  T whole(RecordType type, const Bytes& data) {
    auto out = read(type, data, data.size());
    EXPECT_TRUE(out && std::holds_alternative<T>(*out));
    return out ? std::get<T>(*out) : T{};
  }
  /// Every cut is malformed, but those after which a shorter record is whole.
  void expect_cuts(RecordType type, const Bytes& data, const std::set<std::size_t>& sound = {}) {
    for (std::size_t size = 0; size < data.size(); ++size) {
      const auto out = read(type, data, size);
      EXPECT_EQ(out.has_value(), sound.contains(size)) << size;
      if (!out) {
        EXPECT_EQ(out.error().code, Errc::dns_malformed);
      }
    }
  }
  static Bytes data(std::initializer_list<Bytes> parts) {
    Bytes out;
    for (const Bytes& part : parts) base::append(out, part);
    return out;
  }
  static Bytes name(std::string_view text) { return test::dns_name(text); }

 private:
  base::Writer prefix_;
};

const Bytes kPointer{0xc0, 12};  // example.com

TEST_F(RecordTest, Addresses) {
  EXPECT_EQ(whole<net::Ipv4>(RecordType::kA, {192, 0, 2, 1}), (net::Ipv4{{192, 0, 2, 1}}));
  expect_cuts(RecordType::kA, {192, 0, 2, 1, 9}, {4});
  Bytes six(16, 0);
  six[15] = 1;
  EXPECT_EQ(net::to_string(whole<net::Ipv6>(RecordType::kAaaa, six)), "::1");
  six.push_back(0);
  expect_cuts(RecordType::kAaaa, six, {16});
}

TEST_F(RecordTest, Names) {
  for (const RecordType type : {RecordType::kCname, RecordType::kNs, RecordType::kPtr}) {
    EXPECT_EQ(whole<Name>(type, name("a.b.example")).text(), "a.b.example");
    EXPECT_EQ(whole<Name>(type, data({{3, 'w', 'w', 'w'}, kPointer})).text(), "www.example.com");
    expect_cuts(type, name("a.b.example"));
    expect_cuts(type, data({{3, 'w', 'w', 'w'}, kPointer}));
    EXPECT_FALSE(read(type, data({name("a"), {0}}), 4)) << "a byte too many";
  }
}

TEST_F(RecordTest, Authority) {
  const Bytes soa = data(
      {name("ns.example"), {4, 'm', 'a', 'i', 'l'}, kPointer, {0, 0, 0, 1, 0, 0, 0,    2, 0, 0,
                                                               0, 3, 0, 0, 0, 4, 0xff, 0, 0, 5}});
  const Soa out = whole<Soa>(RecordType::kSoa, soa);
  EXPECT_EQ(out.primary.text(), "ns.example");
  EXPECT_EQ(out.mailbox.text(), "mail.example.com");
  EXPECT_EQ(out.serial, 1U);
  EXPECT_EQ(out.refresh, 2U);
  EXPECT_EQ(out.retry, 3U);
  EXPECT_EQ(out.expire, 4U);
  EXPECT_EQ(out.minimum, 0xff000005U);
  expect_cuts(RecordType::kSoa, soa);
}

TEST_F(RecordTest, Mail) {
  const Bytes mx = data({{0x01, 0x02}, name("mail.example")});
  const Mx out = whole<Mx>(RecordType::kMx, mx);
  EXPECT_EQ(out.preference, 0x102);
  EXPECT_EQ(out.exchange.text(), "mail.example");
  expect_cuts(RecordType::kMx, mx);
  EXPECT_EQ(whole<Mx>(RecordType::kMx, {0, 0, 0}).exchange.text(), "") << "RFC 7505: no mail";
}

TEST_F(RecordTest, Services) {
  const Bytes srv = data({{0, 1, 0, 2, 0x01, 0xbb}, name("host.example")});
  const Srv out = whole<Srv>(RecordType::kSrv, srv);
  EXPECT_EQ(out.priority, 1);
  EXPECT_EQ(out.weight, 2);
  EXPECT_EQ(out.port, 443);
  EXPECT_EQ(out.target.text(), "host.example");
  expect_cuts(RecordType::kSrv, srv);
}

TEST_F(RecordTest, Text) {
  const Txt out = whole<Txt>(RecordType::kTxt, {2, 'h', 'i', 0, 1, 0xff});
  EXPECT_EQ(out.strings, (std::vector<std::string>{"hi", "", "\xff"}));
  expect_cuts(RecordType::kTxt, {2, 'h', 'i', 0, 1, 0xff}, {3, 4});
  Bytes longest(256, 'x');
  longest[0] = 255;
  EXPECT_EQ(whole<Txt>(RecordType::kTxt, longest).strings.at(0).size(), 255U);
}

TEST_F(RecordTest, Authorization) {
  const Bytes caa{128, 5, 'i', 's', 's', 'u', 'e', 'c', 'a'};
  const Caa out = whole<Caa>(RecordType::kCaa, caa);
  EXPECT_EQ(out.flags, 128);
  EXPECT_EQ(out.tag, "issue");
  EXPECT_EQ(out.value, "ca");
  expect_cuts(RecordType::kCaa, caa, {7, 8});
  EXPECT_FALSE(read(RecordType::kCaa, {0, 0, 'x'}, 3)) << "an empty tag";
}

TEST_F(RecordTest, Bindings) {
  for (const RecordType type : {RecordType::kSvcb, RecordType::kHttps}) {
    const Bytes svcb =
        data({{0, 1}, name("svc.example"), {0, 1, 0, 3, 2, 'h', '2'}, {0, 3, 0, 2, 0x01, 0xbb}});
    const Svcb out = whole<Svcb>(type, svcb);
    EXPECT_EQ(out.priority, 1);
    EXPECT_EQ(out.target.text(), "svc.example");
    ASSERT_EQ(out.parameters.size(), 2U);
    EXPECT_EQ(out.parameters[0], (std::pair{std::uint16_t{1}, Bytes{2, 'h', '2'}}));
    EXPECT_EQ(out.parameters[1], (std::pair{std::uint16_t{3}, Bytes{1, 0xbb}}));
    expect_cuts(type, svcb, {15, 22});
    EXPECT_TRUE(whole<Svcb>(type, {0, 0, 0}).parameters.empty()) << "alias to itself";
    for (const Bytes& parameters : {Bytes{0, 3, 0, 0, 0, 1, 0, 0}, Bytes{0, 1, 0, 0, 0, 1, 0, 0}}) {
      const Bytes bad = data({{0, 1, 0}, parameters});
      EXPECT_FALSE(read(type, bad, bad.size())) << "keys that do not ascend";
    }
  }
}

TEST_F(RecordTest, OtherTypesAreBytes) {
  EXPECT_EQ(whole<Bytes>(static_cast<RecordType>(99), {1, 2, 3}), (Bytes{1, 2, 3}));
  EXPECT_EQ(whole<Bytes>(RecordType::kOpt, {}), Bytes{});
}

TEST(RecordTypes, HaveTheNamesOfTheRegistry) {
  EXPECT_EQ(find_record_type("A"), RecordType::kA);
  EXPECT_EQ(find_record_type("HTTPS"), RecordType::kHttps);
  EXPECT_EQ(find_record_type("CAA"), static_cast<RecordType>(257));
  for (const char* text : {"", "a", "OPT", "ANY", "AXFR"}) EXPECT_FALSE(find_record_type(text));
}

}  // namespace
}  // namespace mix::dns
