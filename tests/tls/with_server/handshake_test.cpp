// Handshakes: versions, ciphers, groups, names, and every way to fail.
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>

#include "tls_link.h"

namespace mix::test {
namespace {

using base::Errc;
using net::StreamState;

class Handshake : public testing::Test {
 protected:
  static void SetUpTestSuite() { world_ = new TlsWorld; }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }
  static TlsWorld& world() { return *world_; }

 private:
  static inline TlsWorld* world_ = nullptr;
};

TEST_F(Handshake, AgreesOnTls13ByDefault) {
  TlsLink link{world(), world().ca.issue_for(kHost)};
  link.connect();
  ASSERT_EQ(link.client->state(), StreamState::kOpen);
  EXPECT_EQ(link.client->version(), "TLSv1.3");
  EXPECT_EQ(link.server->server_name(), kHost);
  EXPECT_EQ(link.client->alpn(), "");
  EXPECT_EQ(link.client->next_deadline(), std::nullopt);
}

TEST_F(Handshake, FallsBackToTls12WhenTheServerHasNoMore) {
  TlsServerOptions options{.identity = world().ca.issue_for(kHost), .max_version = TlsVersion::k12};
  TlsLink link{world(), std::move(options), {.host = kHost}};
  link.connect();
  ASSERT_EQ(link.client->state(), StreamState::kOpen);
  EXPECT_EQ(link.client->version(), "TLSv1.2");
}

TEST_F(Handshake, WaitsForATransportThatStillConnects) {
  TlsLink link{world(), world().ca.issue_for(kHost)};
  link.pair.set_connected(false);
  link.connect();
  EXPECT_EQ(link.client->state(), StreamState::kConnecting);
  EXPECT_EQ(link.client->next_deadline(), std::nullopt);
  world().clock.advance(std::chrono::hours{1});
  link.settle();
  EXPECT_EQ(link.client->state(), StreamState::kConnecting);
  link.pair.set_connected(true);
  link.settle();
  EXPECT_EQ(link.client->state(), StreamState::kOpen);
}

TEST_F(Handshake, PassesTheTransportsFailureOn) {
  TlsLink link{world(), world().ca.issue_for(kHost)};
  link.pair.set_connected(false);
  link.connect();
  link.pair.fail_client(base::Error{Errc::net_connect_refused});
  link.settle();
  EXPECT_EQ(link.client_error(), Errc::net_connect_refused);
}

struct Suite {
  const char* name;
  int number;
  TlsVersion version;
  KeyKind key;
};

class EveryCiphersuite : public Handshake, public testing::WithParamInterface<Suite> {};

TEST_P(EveryCiphersuite, CarriesDataBothWays) {
  CertificateSpec spec;
  spec.dns_names = {kHost};
  spec.key = GetParam().key;
  TlsServerOptions options{.identity = world().ca.issue(spec),
                           .min_version = GetParam().version,
                           .max_version = GetParam().version,
                           .ciphersuites = {GetParam().number}};
  TlsLink link{world(), std::move(options), {.host = kHost}};
  link.connect();
  ASSERT_EQ(link.client->state(), StreamState::kOpen);
  ASSERT_TRUE(link.client->write(base::as_bytes("question")).has_value());
  EXPECT_EQ(link.read_all(*link.server), "question");
  ASSERT_TRUE(link.server->write(base::as_bytes("answer")).has_value());
  EXPECT_EQ(link.read_all(*link.client), "answer");
}

INSTANTIATE_TEST_SUITE_P(
    Tls, EveryCiphersuite,
    testing::Values(
        Suite{"Tls13ChaCha20", MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256, TlsVersion::k13,
              KeyKind::kP256},
        Suite{"Tls13Aes128", MBEDTLS_TLS1_3_AES_128_GCM_SHA256, TlsVersion::k13, KeyKind::kP384},
        Suite{"Tls13Aes256", MBEDTLS_TLS1_3_AES_256_GCM_SHA384, TlsVersion::k13, KeyKind::kRsa2048},
        Suite{"Tls12EcdsaChaCha20", MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
              TlsVersion::k12, KeyKind::kP256},
        Suite{"Tls12EcdsaAes128", MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TlsVersion::k12,
              KeyKind::kP256},
        Suite{"Tls12EcdsaAes256", MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TlsVersion::k12,
              KeyKind::kP384},
        Suite{"Tls12RsaChaCha20", MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
              TlsVersion::k12, KeyKind::kRsa2048},
        Suite{"Tls12RsaAes128", MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TlsVersion::k12,
              KeyKind::kRsa2048},
        Suite{"Tls12RsaAes256", MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TlsVersion::k12,
              KeyKind::kRsa2048}),
    [](const auto& info) { return std::string{info.param.name}; });

class EveryGroup : public Handshake,
                   public testing::WithParamInterface<std::pair<std::uint16_t, TlsVersion>> {};

// X25519 is offered with a key share; the others take a retry of the hello in TLS 1.3.
TEST_P(EveryGroup, IsUsedWhenTheServerHasNoOther) {
  TlsServerOptions options{.identity = world().ca.issue_for(kHost),
                           .max_version = GetParam().second,
                           .groups = {GetParam().first}};
  TlsLink link{world(), std::move(options), {.host = kHost}};
  link.connect();
  EXPECT_EQ(link.client->state(), StreamState::kOpen);
}

INSTANTIATE_TEST_SUITE_P(
    Tls, EveryGroup,
    testing::Values(std::pair{MBEDTLS_SSL_IANA_TLS_GROUP_X25519, TlsVersion::k13},
                    std::pair{MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, TlsVersion::k13},
                    std::pair{MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, TlsVersion::k13},
                    std::pair{MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, TlsVersion::k12},
                    std::pair{MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, TlsVersion::k12}));

TEST_F(Handshake, GivesUpWithoutACommonGroup) {
  TlsServerOptions options{.identity = world().ca.issue_for(kHost),
                           .groups = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1}};
  TlsLink link{world(), std::move(options), {.host = kHost}};
  link.connect();
  // mbedTLS' server closes without an alert here.
  EXPECT_EQ(link.client_error(), Errc::tls_handshake);
}

TEST_F(Handshake, AgreesOnTheFirstCommonProtocol) {
  TlsServerOptions options{.identity = world().ca.issue_for(kHost), .alpn = {"h2", "http/1.1"}};
  TlsLink link{world(), std::move(options), {.host = kHost, .alpn = {"http/1.1"}}};
  link.connect();
  ASSERT_EQ(link.client->state(), StreamState::kOpen);
  EXPECT_EQ(link.client->alpn(), "http/1.1");
  EXPECT_EQ(link.server->alpn(), "http/1.1");
}

TEST_F(Handshake, GoesOnWithoutProtocolWhenTheServerIgnoresAlpn) {
  TlsLink link{world(),
               TlsServerOptions{.identity = world().ca.issue_for(kHost)},
               {.host = kHost, .alpn = {"h2", "http/1.1"}}};
  link.connect();
  ASSERT_EQ(link.client->state(), StreamState::kOpen);
  EXPECT_EQ(link.client->alpn(), "");
}

TEST_F(Handshake, ReportsTheAlertWhenNoProtocolIsShared) {
  TlsServerOptions options{.identity = world().ca.issue_for(kHost), .alpn = {"h3"}};
  TlsLink link{world(), std::move(options), {.host = kHost, .alpn = {"http/1.1"}}};
  link.connect();
  ASSERT_EQ(link.client_error(), Errc::tls_alert);
  EXPECT_EQ(link.client->error()->detail, MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL);
}

TEST_F(Handshake, RefusesAnAlpnNameThatCannotBeSent) {
  TlsLink link{world(),
               TlsServerOptions{.identity = world().ca.issue_for(kHost)},
               {.host = kHost, .alpn = {""}}};
  link.connect();
  EXPECT_EQ(link.client_error(), Errc::tls_handshake);
  EXPECT_TRUE(link.pair.to_server().buffer.empty());
}

TEST_F(Handshake, SurvivesARequestForAClientCertificate) {
  for (const TlsVersion version : {TlsVersion::k12, TlsVersion::k13}) {
    TlsServerOptions options{.identity = world().ca.issue_for(kHost),
                             .max_version = version,
                             .ask_for_client_certificate = true};
    TlsLink link{world(), std::move(options), {.host = kHost}};
    link.connect();
    EXPECT_EQ(link.client->state(), StreamState::kOpen);
  }
}

TEST_F(Handshake, TimesOutOnASilentServer) {
  TlsLink link{world(),
               TlsServerOptions{.identity = world().ca.issue_for(kHost)},
               {.host = kHost, .handshake_timeout = std::chrono::seconds{7}}};
  link.pair.to_client().deliverable = 100;  // the server's answer stops in its middle
  const base::TimePoint start = world().clock.now();
  link.connect();
  ASSERT_EQ(link.client->next_deadline(), base::Deadline{start + std::chrono::seconds{7}});
  world().clock.advance(std::chrono::seconds{7} - std::chrono::nanoseconds{1});
  link.settle();
  EXPECT_EQ(link.client->state(), StreamState::kConnecting);
  world().clock.advance(std::chrono::nanoseconds{1});
  link.settle();
  EXPECT_EQ(link.client_error(), Errc::tls_timeout);
  EXPECT_EQ(link.client->next_deadline(), std::nullopt);
}

TEST_F(Handshake, WorksOneByteAtATime) {
  for (const TlsVersion version : {TlsVersion::k12, TlsVersion::k13}) {
    TlsServerOptions options{.identity = world().ca.issue_for(kHost), .max_version = version};
    TlsLink link{world(), std::move(options), {.host = kHost}};
    link.pair.each([](Pipe& pipe) { pipe.max_read = pipe.max_write = pipe.capacity = 1; });
    link.connect();
    EXPECT_EQ(link.client->state(), StreamState::kOpen);
  }
}

// --- Endings in the middle -----------------------------------------------------------------------

TEST_F(Handshake, FailsWhenTheServerClosesAtAnyByte) {
  std::size_t whole = 0;
  {
    TlsLink link{world(), world().ca.issue_for(kHost)};
    link.connect();
    whole = static_cast<std::size_t>(link.pair.to_client().total_written);
  }
  // Certificates differ by a few bytes from run to run; stay clear of the end.
  for (std::size_t cut = 0; cut + 100 < whole; cut += 7) {
    TlsLink link{world(), world().ca.issue_for(kHost)};
    std::size_t left = cut;
    Pipe& pipe = link.pair.to_client();
    pipe.filter = [&](base::Bytes& bytes) {
      bytes.resize(std::min(bytes.size(), left));
      left -= bytes.size();
      if (left == 0) pipe.ended = true;
    };
    link.connect();
    ASSERT_EQ(link.client_error(), Errc::tls_handshake) << cut;
  }
}

TEST_F(Handshake, FailsOnEveryFlippedByteOfTheServersFlight) {
  std::size_t whole = 0;
  {
    TlsLink link{world(), world().ca.issue_for(kHost)};
    link.connect();
    whole = static_cast<std::size_t>(link.pair.to_client().total_written);
  }
  for (std::size_t at = 0; at + 100 < whole; at += 3) {
    TlsLink link{world(), world().ca.issue_for(kHost)};
    std::size_t seen = 0;
    link.pair.to_client().filter = [&](base::Bytes& bytes) {
      if (at >= seen && at < seen + bytes.size()) bytes[at - seen] ^= 0x20;
      seen += bytes.size();
    };
    link.connect();
    if (link.client->state() == StreamState::kConnecting) {
      // A longer length: the client waits for the rest until its time is up.
      world().clock.advance(std::chrono::seconds{60});
      link.settle();
    }
    // The version field of a record header carries no meaning in TLS 1.3 and is not authenticated
    // in plain records.
    if (link.client->state() != StreamState::kFailed) {
      EXPECT_LT(at, 3U) << "accepted an altered byte " << at;
    }
  }
}

TEST_F(Handshake, ReportsGarbageInsteadOfTls) {
  TlsLink link{world(), world().ca.issue_for(kHost)};
  link.pair.to_client().filter = [](base::Bytes& bytes) { bytes.clear(); };
  link.pair.to_client().inject(base::as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
  link.connect();
  EXPECT_EQ(link.client_error(), Errc::tls_bad_record);
}

TEST_F(Handshake, ReportsAReset) {
  TlsLink link{world(), world().ca.issue_for(kHost)};
  link.pair.to_client().deliverable = 0;
  link.connect();
  link.pair.fail_client(base::Error{Errc::net_connection_reset});
  link.settle();
  EXPECT_EQ(link.client_error(), Errc::net_connection_reset);
}

TEST_F(Handshake, RefusesHostsThatAreNone) {
  for (const char* host : {"", ".", "a..b", "with space", "nul\x01", "[::1]", "ex\xC3\xA4mple"}) {
    TlsLink link{
        world(), TlsServerOptions{.identity = world().ca.issue_for(kHost)}, {.host = host}};
    link.connect();
    EXPECT_EQ(link.client_error(), Errc::tls_handshake) << host;
    EXPECT_EQ(link.pair.to_server().total_written, 0U);
  }
}

TEST_F(Handshake, SendsNothingInPlainAfterAFailure) {
  CertificateSpec spec;
  spec.dns_names = {"other.test"};
  TlsLink link{world(), world().ca.issue(spec)};
  link.connect();
  ASSERT_EQ(link.client->state(), StreamState::kFailed);
  const auto sent = link.pair.to_server().total_written;
  EXPECT_FALSE(link.client->write(base::as_bytes("secret")).has_value());
  link.settle();
  EXPECT_EQ(link.pair.to_server().total_written, sent);
}

}  // namespace
}  // namespace mix::test
