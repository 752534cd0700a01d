// The client alone: what it sends first, read as RFC 8446 §4.1.2 lays it out.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "mix/tls/client.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"
#include "support/stream_pair.h"

namespace mix::tls {
namespace {

// Extension numbers, IANA "TLS ExtensionType Values".
constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kSupportedGroups = 10;
constexpr std::uint16_t kAlpn = 16;
constexpr std::uint16_t kExtendedMasterSecret = 23;
constexpr std::uint16_t kSessionTicket = 35;
constexpr std::uint16_t kPreSharedKey = 41;
constexpr std::uint16_t kEarlyData = 42;
constexpr std::uint16_t kSupportedVersions = 43;

struct ClientHello {
  base::Bytes random;
  std::vector<std::uint16_t> suites;
  std::map<std::uint16_t, base::Bytes> extensions;
};

base::Result<ClientHello> read_hello(base::ByteView bytes) {
  base::Reader record{bytes};
  ClientHello hello;
  MIX_TRY(const auto type, record.u8());
  EXPECT_EQ(type, 22);  // handshake
  MIX_TRY(const auto version, record.u16be());
  (void)version;
  MIX_TRY(const auto size, record.u16be());
  MIX_TRY(base::Reader body, record.sub(size));
  MIX_CHECK(record.finish());
  MIX_TRY(const auto head, body.u32be());
  EXPECT_EQ(head >> 24, 1U);  // client_hello
  EXPECT_EQ(head & 0xFFFFFF, body.remaining());
  MIX_TRY(const auto legacy_version, body.u16be());
  EXPECT_EQ(legacy_version, 0x0303);
  MIX_TRY(const auto random, body.bytes(32));
  hello.random = base::to_bytes(random);
  MIX_TRY(const auto session_size, body.u8());
  MIX_TRY(const auto session, body.bytes(session_size));
  (void)session;
  MIX_TRY(const auto suites_size, body.u16be());
  MIX_TRY(base::Reader suites, body.sub(suites_size));
  while (!suites.empty()) {
    MIX_TRY(const auto suite, suites.u16be());
    hello.suites.push_back(suite);
  }
  MIX_TRY(const auto compressions, body.u8());
  MIX_TRY(const auto compression, body.bytes(compressions));
  EXPECT_EQ(base::to_bytes(compression), base::Bytes{0});
  MIX_TRY(const auto extensions_size, body.u16be());
  MIX_TRY(base::Reader extensions, body.sub(extensions_size));
  MIX_CHECK(body.finish());
  while (!extensions.empty()) {
    MIX_TRY(const auto number, extensions.u16be());
    MIX_TRY(const auto value_size, extensions.u16be());
    MIX_TRY(const auto value, extensions.bytes(value_size));
    EXPECT_TRUE(hello.extensions.emplace(number, base::to_bytes(value)).second);
  }
  return hello;
}

class Hello : public testing::Test {
 protected:
  base::Bytes first_flight(ClientOptions options) {
    test::StreamPair pair;
    const auto client = connect(pair.take_client(), std::move(options), TrustStore::mozilla(),
                                clock, rng, clock.now());
    client->advance(clock.now());
    EXPECT_EQ(client->state(), net::StreamState::kConnecting);
    base::Bytes out(pair.server().readable());
    EXPECT_EQ(pair.server().read(out), out.size());
    return out;
  }
  ClientHello hello(ClientOptions options) {
    auto read = read_hello(first_flight(std::move(options)));
    EXPECT_TRUE(read.has_value());
    return read ? *std::move(read) : ClientHello{};
  }

  test::ManualClock clock;
  test::SeededRng rng{3};
};

TEST_F(Hello, OffersOnlyForwardSecretAeadSuites) {
  const std::vector<std::uint16_t> expected = {
      0x1303, 0x1301, 0x1302,                          // TLS 1.3
      0xCCA9, 0xCCA8, 0xC02B, 0xC02F, 0xC02C, 0xC030,  // TLS 1.2, ECDHE
      0x00FF,                                          // renegotiation signal, RFC 5746 §3.3
  };
  EXPECT_EQ(hello({.host = "example.test"}).suites, expected);
}

TEST_F(Hello, OffersTls13Then12AndThreeGroups) {
  const ClientHello first = hello({.host = "example.test"});
  EXPECT_EQ(first.extensions.at(kSupportedVersions), (base::Bytes{4, 3, 4, 3, 3}));
  EXPECT_EQ(first.extensions.at(kSupportedGroups), (base::Bytes{0, 6, 0, 29, 0, 23, 0, 24}));
  EXPECT_TRUE(first.extensions.contains(kExtendedMasterSecret));
}

TEST_F(Hello, OffersNothingThatLinksConnections) {
  const ClientHello first = hello({.host = "example.test"});
  EXPECT_FALSE(first.extensions.contains(kSessionTicket));
  EXPECT_FALSE(first.extensions.contains(kPreSharedKey));
  EXPECT_FALSE(first.extensions.contains(kEarlyData));
  EXPECT_NE(first.random, hello({.host = "example.test"}).random);
}

TEST_F(Hello, NamesTheServer) {
  base::Writer expected;
  expected.u16be(15).u8(0).u16be(12).bytes(base::as_bytes("example.test"));
  EXPECT_EQ(hello({.host = "Example.TEST."}).extensions.at(kServerName), expected.take());
}

TEST_F(Hello, NamesNoAddress) {
  EXPECT_FALSE(hello({.host = "192.0.2.1"}).extensions.contains(kServerName));
  EXPECT_FALSE(hello({.host = "2001:db8::1"}).extensions.contains(kServerName));
}

TEST_F(Hello, ListsProtocolsInTheCallersOrder) {
  base::Writer expected;
  expected.u16be(12).u8(2).bytes(base::as_bytes("h2")).u8(8).bytes(base::as_bytes("http/1.1"));
  EXPECT_EQ(hello({.host = "a.test", .alpn = {"h2", "http/1.1"}}).extensions.at(kAlpn),
            expected.take());
  EXPECT_FALSE(hello({.host = "a.test"}).extensions.contains(kAlpn));
}

TEST_F(Hello, ComesFromTheGivenRandomnessAlone) {
  test::SeededRng again{3};
  const base::Bytes first = first_flight({.host = "example.test"});
  test::StreamPair pair;
  const auto client = connect(pair.take_client(), {.host = "example.test"}, TrustStore::mozilla(),
                              clock, again, clock.now());
  base::Bytes second(pair.server().readable());
  EXPECT_EQ(pair.server().read(second), second.size());
  EXPECT_EQ(first, second);
}

TEST_F(Hello, SurvivesRandomAnswers) {
  for (int round = 0; round < 200; ++round) {
    test::StreamPair pair;
    const auto client = connect(pair.take_client(), {.host = "example.test"}, TrustStore::mozilla(),
                                clock, rng, clock.now());
    base::Bytes noise(1 + static_cast<std::size_t>(rng.uniform(300)));
    rng.fill(noise);
    if (round % 2 == 0) {
      // A record header that looks right gets the noise past the first check.
      base::Writer record;
      record.u8(22).u16be(0x0303).u16be(static_cast<std::uint16_t>(noise.size())).bytes(noise);
      noise = record.take();
    }
    pair.to_client().inject(noise);
    pair.to_client().ended = true;
    client->advance(clock.now());
    EXPECT_EQ(client->state(), net::StreamState::kFailed);
  }
}

}  // namespace
}  // namespace mix::tls
