// The open connection: data, back-pressure, records after the handshake, and how it ends.
#include <mbedtls/ssl.h>

#include "tls_link.h"

namespace mix::test {
namespace {

using base::Errc;
using net::StreamState;

constexpr std::size_t kMaxRecord = 16384 + 256 + 5;  // bytes, RFC 8446 §5.2

class Stream : public testing::TestWithParam<TlsVersion> {
 protected:
  static void SetUpTestSuite() {
    world_ = new TlsWorld;
    identity_ = new Identity{world_->ca.issue_for(kHost)};
  }
  static void TearDownTestSuite() {
    delete identity_;
    delete world_;
    world_ = nullptr;
    identity_ = nullptr;
  }
  static TlsWorld& world() { return *world_; }
  static TlsServerOptions options() { return {.identity = *identity_, .max_version = GetParam()}; }
  static base::Bytes pattern(std::size_t size) {
    base::Bytes out(size);
    world().rng.fill(out);
    return out;
  }

 private:
  static inline TlsWorld* world_ = nullptr;
  static inline Identity* identity_ = nullptr;
};

/// Writes all of `bytes` into `from` while `to` is read; what arrived.
base::Bytes pump(TlsLink& link, net::Stream& from, net::Stream& to, base::ByteView bytes) {
  base::Bytes out;
  base::Bytes buffer(5000);
  std::size_t idle = 0;
  const std::size_t total = bytes.size();
  while (out.size() < total) {
    const auto taken = from.write(bytes);
    EXPECT_TRUE(taken.has_value());
    if (!taken) return out;
    bytes = bytes.subspan(*taken);
    link.settle();
    const std::size_t n = to.read(buffer);
    base::append(out, base::ByteView{buffer}.first(n));
    idle = n == 0 && *taken == 0 ? idle + 1 : 0;
    if (idle > 3) break;
  }
  return out;
}

TEST_P(Stream, EchoesAMebibyte) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  const base::Bytes sent = pattern(1 << 20);
  const base::Bytes there = pump(link, *link.client, *link.server, sent);
  EXPECT_TRUE(base::equal(there, sent));
  const base::Bytes back = pump(link, *link.server, *link.client, there);
  EXPECT_TRUE(base::equal(back, sent));
}

TEST_P(Stream, CarriesDataOneByteAtATime) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.pair.each([](Pipe& pipe) { pipe.max_read = pipe.max_write = pipe.capacity = 1; });
  link.connect();
  ASSERT_TRUE(link.client->write(base::as_bytes("small")).has_value());
  EXPECT_EQ(link.read_all(*link.server), "small");
  ASSERT_TRUE(link.server->write(base::as_bytes("world")).has_value());
  EXPECT_EQ(link.read_all(*link.client), "world");
  link.client->shutdown();
  link.settle();
  EXPECT_EQ(link.server->state(), StreamState::kPeerClosed);
}

TEST_P(Stream, PullsNoMoreThanARecordThatNobodyReads) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  link.pair.to_client().capacity = 1 << 20;
  const base::Bytes sent = pattern(200 * 1024);
  base::ByteView rest = sent;
  while (!rest.empty()) {
    const auto taken = link.server->write(rest);
    ASSERT_TRUE(taken.has_value());
    ASSERT_GT(*taken, 0U);
    rest = rest.subspan(*taken);
  }
  const std::size_t in_flight = link.pair.to_client().buffer.size();
  for (int i = 0; i < 10; ++i) link.settle();
  EXPECT_GE(link.pair.to_client().buffer.size(), in_flight - kMaxRecord);
  EXPECT_GT(link.client->readable(), 0U);
  EXPECT_LE(link.client->readable(), 16384U);
  const std::string got = link.read_all(*link.client);
  EXPECT_TRUE(base::equal(base::as_bytes(got), sent));
}

TEST_P(Stream, TakesNoMoreThanARecordBeyondTheTransport) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  link.pair.to_server().capacity = 1000;
  const base::Bytes sent = pattern(100'000);
  const auto taken = link.client->write(sent);
  ASSERT_TRUE(taken.has_value());
  EXPECT_GT(*taken, 0U);
  EXPECT_LE(*taken, 16384U);
  EXPECT_EQ(link.client->writable(), 0U);
  EXPECT_EQ(*link.client->write(sent), 0U);
  EXPECT_GE(link.client->unacknowledged(), *taken);
  const std::string got = link.read_all(*link.server);
  EXPECT_EQ(got.size(), *taken);
  EXPECT_GT(link.client->writable(), 0U);
  EXPECT_EQ(link.client->unacknowledged(), 0U);
}

TEST_P(Stream, EndsInOrderWhenBothSidesClose) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  ASSERT_TRUE(link.client->write(base::as_bytes("last words")).has_value());
  link.client->shutdown();
  link.client->shutdown();
  EXPECT_FALSE(link.client->write(base::as_bytes("more")).has_value());
  EXPECT_EQ(link.client->write(base::as_bytes("more")).error().code, Errc::net_closed);
  EXPECT_EQ(link.read_all(*link.server), "last words");
  EXPECT_EQ(link.server->state(), StreamState::kPeerClosed);
  EXPECT_EQ(link.client->state(), StreamState::kOpen);

  // The other direction still works.
  ASSERT_TRUE(link.server->write(base::as_bytes("answer")).has_value());
  link.server->shutdown();
  EXPECT_EQ(link.read_all(*link.client), "answer");
  EXPECT_TRUE(link.client->at_end());
  EXPECT_EQ(link.client->state(), StreamState::kClosed);
  EXPECT_FALSE(link.client->error().has_value());
}

TEST_P(Stream, CanStillWriteAfterThePeersEnd) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  link.server->shutdown();
  link.settle();
  EXPECT_EQ(link.client->state(), StreamState::kPeerClosed);
  EXPECT_TRUE(link.client->at_end());
  ASSERT_TRUE(link.client->write(base::as_bytes("late")).has_value());
  EXPECT_EQ(link.read_all(*link.server), "late");
}

TEST_P(Stream, SendsItsEndAfterAllThatWaits) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  link.pair.to_server().capacity = 100;
  const base::Bytes sent = pattern(10'000);
  ASSERT_EQ(*link.client->write(sent), sent.size());
  link.client->shutdown();
  EXPECT_FALSE(link.pair.to_server().ended);
  const std::string got = link.read_all(*link.server);
  EXPECT_TRUE(base::equal(base::as_bytes(got), sent));
  EXPECT_TRUE(link.server->at_end());
  EXPECT_TRUE(link.pair.to_server().ended);
}

TEST_P(Stream, TellsAnEndWithoutNoticeFromAProperOne) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  const base::Bytes sent = pattern(40'000);
  ASSERT_EQ(*link.server->write(sent), sent.size());
  link.server->end_without_notice();
  link.settle();
  // Everything before the cut can be read first.
  EXPECT_EQ(link.client->state(), StreamState::kOpen);
  const std::string got = link.read_all(*link.client);
  EXPECT_TRUE(base::equal(base::as_bytes(got), sent));
  EXPECT_EQ(link.client_error(), Errc::tls_truncated);
  EXPECT_FALSE(link.client->at_end());
}

TEST_P(Stream, IsTruncatedWhenTheEndCutsARecord) {
  for (const std::size_t keep : {1U, 4U, 5U, 6U, 20U, 500U}) {
    TlsLink link{world(), options(), {.host = kHost}};
    link.connect();
    std::size_t left = keep;
    Pipe& pipe = link.pair.to_client();
    pipe.filter = [&](base::Bytes& bytes) {
      bytes.resize(std::min(bytes.size(), left));
      left -= bytes.size();
      pipe.ended = left == 0;
    };
    ASSERT_TRUE(link.server->write(pattern(1000)).has_value());
    EXPECT_EQ(link.read_all(*link.client), "");
    EXPECT_EQ(link.client_error(), Errc::tls_truncated) << keep;
  }
}

TEST_P(Stream, RefusesARecordWithAnyByteChanged) {
  // Header, explicit nonce, ciphertext, tag.
  std::size_t size = 1;
  for (std::size_t at = 0; at < size; ++at) {
    TlsLink link{world(), options(), {.host = kHost}};
    link.connect();
    ASSERT_TRUE(link.server->write(base::as_bytes("before")).has_value());
    EXPECT_EQ(link.read_all(*link.client), "before");
    Pipe& pipe = link.pair.to_client();
    pipe.filter = [&](base::Bytes& bytes) {
      size = bytes.size();
      bytes[at] ^= 0x01;
      pipe.ended = true;
    };
    ASSERT_TRUE(link.server->write(base::as_bytes("0123456789")).has_value());
    EXPECT_EQ(link.read_all(*link.client), "") << at;
    ASSERT_EQ(link.client->state(), StreamState::kFailed) << at;
    // A longer length runs into the end; a bad version or type is a bad record too.
    EXPECT_TRUE(link.client_error() == Errc::tls_bad_record ||
                link.client_error() == Errc::tls_truncated)
        << at << ": " << static_cast<int>(link.client_error());
  }
}

TEST_P(Stream, RefusesAReplayedRecord) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  Pipe& pipe = link.pair.to_client();
  pipe.filter = [](base::Bytes& bytes) {
    const base::Bytes once = bytes;
    base::append(bytes, once);
  };
  ASSERT_TRUE(link.server->write(base::as_bytes("pay 5")).has_value());
  EXPECT_EQ(link.read_all(*link.client), "pay 5");
  EXPECT_EQ(link.client_error(), Errc::tls_bad_record);
}

TEST_P(Stream, RefusesPlainTextAmongRecords) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  link.pair.to_client().inject(base::as_bytes("HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_EQ(link.read_all(*link.client), "");
  EXPECT_EQ(link.client_error(), Errc::tls_bad_record);
  // The peer is told.
  link.settle();
  EXPECT_EQ(link.server->state(), StreamState::kFailed);
}

TEST_P(Stream, ReportsAFatalAlertAfterTheDataBeforeIt) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  ASSERT_TRUE(link.server->write(base::as_bytes("partial")).has_value());
  link.server->send_alert(MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
  EXPECT_EQ(link.read_all(*link.client), "partial");
  ASSERT_EQ(link.client_error(), Errc::tls_alert);
  EXPECT_EQ(link.client->error()->detail, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
}

TEST_P(Stream, ReportsAResetAfterTheDataBeforeIt) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  ASSERT_TRUE(link.server->write(base::as_bytes("partial")).has_value());
  link.server->abort();
  EXPECT_EQ(link.client->state(), StreamState::kOpen);
  EXPECT_EQ(link.read_all(*link.client), "partial");
  EXPECT_EQ(link.client_error(), Errc::net_connection_reset);
}

TEST_P(Stream, StaysReadableWhenWritingFailed) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  ASSERT_TRUE(link.server->write(base::as_bytes("413 too large")).has_value());
  link.server->shutdown();
  link.server.reset();
  const auto written = link.client->write(pattern(1000));
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, Errc::net_connection_reset);
  std::array<std::uint8_t, 100> buffer{};
  const std::size_t n = link.client->read(buffer);
  EXPECT_EQ(base::to_string(base::ByteView{buffer}.first(n)), "413 too large");
}

TEST_P(Stream, PassesOverEmptyRecords) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(link.server->write({}).has_value());
  ASSERT_TRUE(link.server->write(base::as_bytes("x")).has_value());
  EXPECT_EQ(link.read_all(*link.client), "x");
}

TEST_P(Stream, EndsWhenItIsAborted) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.connect();
  link.client->abort();
  EXPECT_EQ(link.client_error(), Errc::net_closed);
  link.settle();
  EXPECT_EQ(link.server->state(), StreamState::kFailed);
  EXPECT_FALSE(link.client->write(base::as_bytes("x")).has_value());
}

TEST_P(Stream, DropsTheTransportWhenShutDownInTheHandshake) {
  TlsLink link{world(), options(), {.host = kHost}};
  link.pair.to_client().deliverable = 0;
  link.connect();
  ASSERT_EQ(link.client->state(), StreamState::kConnecting);
  link.client->shutdown();
  EXPECT_EQ(link.client->state(), StreamState::kFailed);
  link.settle();
  EXPECT_EQ(link.server->state(), StreamState::kFailed);
}

INSTANTIATE_TEST_SUITE_P(Tls, Stream, testing::Values(TlsVersion::k12, TlsVersion::k13),
                         [](const auto& info) {
                           return info.param == TlsVersion::k12 ? "Tls12" : "Tls13";
                         });

// --- Messages after the handshake ----------------------------------------------------------------

class PostHandshake : public testing::Test {
 protected:
  TlsLink open(TlsVersion version) {
    return TlsLink{world,
                   TlsServerOptions{.identity = world.ca.issue_for(kHost), .max_version = version},
                   {.host = kHost}};
  }
  TlsWorld world;
};

TEST_F(PostHandshake, TicketsArePassedOver) {
  TlsLink link = open(TlsVersion::k13);
  link.connect();
  base::Writer ticket;
  // NewSessionTicket: lifetime, age_add, nonce, ticket, no extensions. RFC 8446 §4.6.1
  ticket.u8(4).u8(0).u16be(4 + 4 + 1 + 1 + 2 + 8 + 2);
  ticket.u32be(3600).u32be(7).u8(1).u8(0).u16be(8).fill(8, 0xAA).u16be(0);
  for (int i = 0; i < 3; ++i) link.server->send_handshake_message(ticket.view());
  ASSERT_TRUE(link.server->write(base::as_bytes("after")).has_value());
  EXPECT_EQ(link.read_all(*link.client), "after");
  EXPECT_EQ(link.client->state(), StreamState::kOpen);
}

TEST_F(PostHandshake, ARequestToRenegotiateIsDeclined) {
  TlsLink link = open(TlsVersion::k12);
  link.connect();
  const base::Bytes hello_request = {0, 0, 0, 0};
  link.server->send_handshake_message(hello_request);
  ASSERT_TRUE(link.server->write(base::as_bytes("go on")).has_value());
  EXPECT_EQ(link.read_all(*link.client), "go on");
  EXPECT_EQ(link.client->state(), StreamState::kOpen);
  ASSERT_TRUE(link.client->write(base::as_bytes("fine")).has_value());
  EXPECT_EQ(link.read_all(*link.server), "fine");
}

TEST_F(PostHandshake, KeysAreUpdatedInBothDirections) {
  TlsLink link = open(TlsVersion::k13);
  link.connect();
  for (int round = 0; round < 5; ++round) {
    const std::string text = "round " + std::to_string(round);
    link.server->update_keys();
    ASSERT_TRUE(link.server->write(base::as_bytes(text)).has_value());
    EXPECT_EQ(link.read_all(*link.client), text);
    ASSERT_TRUE(link.client->write(base::as_bytes(text)).has_value());
    EXPECT_EQ(link.read_all(*link.server), text);
    EXPECT_EQ(link.server->key_updates(), static_cast<std::size_t>(round) + 1);
  }
  link.client->shutdown();
  link.server->shutdown();
  link.settle();
  EXPECT_EQ(link.client->state(), StreamState::kClosed);
}

TEST_F(PostHandshake, AnOwedKeyUpdateWaitsForTheTransport) {
  TlsLink link = open(TlsVersion::k13);
  link.connect();
  link.pair.to_server().capacity = 10;
  const std::string sent(3000, 's');
  ASSERT_EQ(*link.client->write(base::as_bytes(sent)), sent.size());
  link.server->update_keys();
  link.server->update_keys();
  std::array<std::uint8_t, 10> nothing{};
  EXPECT_EQ(link.client->read(nothing), 0U);
  EXPECT_EQ(link.read_all(*link.server), sent);
  EXPECT_EQ(link.server->key_updates(), 1U);
  ASSERT_TRUE(link.client->write(base::as_bytes("under new keys")).has_value());
  EXPECT_EQ(link.read_all(*link.server), "under new keys");
}

TEST_F(PostHandshake, AMalformedKeyUpdateEndsTheConnection) {
  for (const base::Bytes& message : {base::Bytes{24, 0, 0, 1, 2}, base::Bytes{24, 0, 0, 2, 0, 0},
                                     base::Bytes{24, 0, 0, 0}, base::Bytes{24, 0, 0, 1, 0, 0}}) {
    TlsLink link = open(TlsVersion::k13);
    link.connect();
    link.server->send_handshake_message(message);
    link.settle();
    EXPECT_EQ(link.client_error(), Errc::tls_handshake);
  }
}

TEST_F(PostHandshake, AFloodOfUselessRecordsEndsTheConnection) {
  TlsLink link = open(TlsVersion::k13);
  link.connect();
  for (int i = 0; i < 100; ++i) link.server->update_keys();
  link.settle();
  EXPECT_EQ(link.client_error(), Errc::tls_bad_record);
}

TEST_F(PostHandshake, KeyUpdatesBelongToTls13) {
  TlsLink link = open(TlsVersion::k12);
  link.connect();
  const base::Bytes message = {24, 0, 0, 1, 0};
  link.server->send_handshake_message(message);
  link.settle();
  EXPECT_EQ(link.client_error(), Errc::tls_handshake);
}

TEST_F(PostHandshake, AnythingElseEndsTheConnection) {
  for (const TlsVersion version : {TlsVersion::k12, TlsVersion::k13}) {
    TlsLink link = open(version);
    link.connect();
    const base::Bytes finished = {20, 0, 0, 1, 0};
    link.server->send_handshake_message(finished);
    link.settle();
    EXPECT_EQ(link.client_error(), Errc::tls_handshake);
    EXPECT_EQ(link.server->state(), StreamState::kFailed);
    ASSERT_TRUE(link.server->error().has_value());
    EXPECT_EQ(link.server->error()->detail, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
  }
}

}  // namespace
}  // namespace mix::test
