// Which certificates are believed, and what is said about the others.
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>

#include "tls_link.h"

namespace mix::test {
namespace {

using base::Errc;
using net::StreamState;

constexpr base::WallTime kJanuary2024{std::chrono::seconds{1704067200}};
constexpr base::WallTime kJanuary2025{std::chrono::seconds{1735689600}};
constexpr base::WallTime kJanuary2028{std::chrono::seconds{1830297600}};

class Certificates : public testing::TestWithParam<TlsVersion> {
 protected:
  static void SetUpTestSuite() { world_ = new TlsWorld; }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }
  static TlsWorld& world() { return *world_; }
  static CertificateSpec good() {
    CertificateSpec spec;
    spec.dns_names = {kHost};
    return spec;
  }
  /// The code with which a client that wants `host` ends; 0 when it connects.
  static Errc verdict(Identity identity, const std::string& host = kHost) {
    TlsServerOptions options{.identity = std::move(identity), .max_version = GetParam()};
    TlsLink link{world(), std::move(options), {.host = host}};
    link.connect();
    EXPECT_NE(link.client->state(), StreamState::kConnecting);
    if (link.client->state() == StreamState::kFailed) {
      EXPECT_NE(link.client->error()->context.find(host), std::string::npos);
      // The server learns of it. (mbedTLS sends the alert of TLS 1.3 in plain, which OpenSSL
      // accepts and mbedTLS' own server takes for a bad record.)
      EXPECT_EQ(link.server->state(), StreamState::kFailed);
      if (GetParam() == TlsVersion::k12) {
        EXPECT_EQ(link.server->error()->code, Errc::tls_alert);
      }
    }
    return link.client_error();
  }
  static constexpr Errc kAccepted{};

 private:
  static inline TlsWorld* world_ = nullptr;
};

TEST_P(Certificates, AreAcceptedBelowAnExtraRoot) {
  EXPECT_EQ(verdict(world().ca.issue(good())), kAccepted);
}

TEST_P(Certificates, AreAcceptedThroughAnIntermediate) {
  CertificateSpec spec;
  spec.subject = "CN=Intermediate";
  spec.role = CertificateRole::kAuthority;
  const TestCa middle = world().ca.intermediate(spec);
  EXPECT_EQ(verdict(middle.issue(good())), kAccepted);
}

tls::Pin pin_of(const base::Bytes& der) {
  mbedtls_x509_crt certificate;
  mbedtls_x509_crt_init(&certificate);
  EXPECT_EQ(mbedtls_x509_crt_parse_der(&certificate, der.data(), der.size()), 0);
  tls::Pin pin{};
  EXPECT_EQ(mbedtls_sha256(certificate.pk_raw.p, certificate.pk_raw.len, pin.data(), 0), 0);
  mbedtls_x509_crt_free(&certificate);
  return pin;
}

TEST_P(Certificates, MustHaveAPinnedKeyInTheirChain) {
  const auto verdict_with = [](const Identity& identity, std::vector<tls::Pin> pins) {
    TlsServerOptions options{.identity = identity, .max_version = GetParam()};
    TlsLink link{world(), std::move(options), {.host = kHost, .pins = std::move(pins)}};
    link.connect();
    return link.client_error();
  };
  const Identity identity = world().ca.issue(good());
  const tls::Pin other = pin_of(world().ca.issue(good()).chain.front());
  EXPECT_EQ(verdict_with(identity, {other, pin_of(identity.chain.front())}), kAccepted);
  EXPECT_EQ(verdict_with(identity, {pin_of(world().ca.der())}), kAccepted);
  EXPECT_EQ(verdict_with(identity, {other}), Errc::tls_pin_mismatch);
  CertificateSpec wrong = good();
  wrong.dns_names = {"other.example.test"};
  EXPECT_EQ(verdict_with(world().ca.issue(wrong), {other}), Errc::tls_cert_wrong_host);
}

/// NameConstraints with one dNSName subtree. RFC 5280 §4.2.1.10
RawExtension constraint(bool excluded, const std::string& name) {
  const auto tlv = [](std::uint8_t tag, const base::Bytes& value) {
    base::Bytes out = {tag, static_cast<std::uint8_t>(value.size())};
    base::append(out, value);
    return out;
  };
  const base::Bytes general = tlv(0x82, base::to_bytes(base::as_bytes(name)));
  const base::Bytes list = tlv(excluded ? 0xA1 : 0xA0, tlv(0x30, general));
  return {"\x55\x1D\x1E", false, tlv(0x30, list)};
}

TEST_P(Certificates, MustKeepToTheNameConstraintsAbove) {
  const auto verdict_below = [](RawExtension extension) {
    CertificateSpec spec;
    spec.subject = "CN=Constrained";
    spec.role = CertificateRole::kAuthority;
    spec.extensions = {std::move(extension)};
    return verdict(world().ca.intermediate(spec).issue(good()));
  };
  EXPECT_EQ(verdict_below(constraint(false, "example.test")), kAccepted);
  EXPECT_EQ(verdict_below(constraint(false, ".Example.Test")), kAccepted);
  EXPECT_EQ(verdict_below(constraint(false, "ample.test")), Errc::tls_cert_invalid);
  EXPECT_EQ(verdict_below(constraint(false, "example.org")), Errc::tls_cert_invalid);
  EXPECT_EQ(verdict_below(constraint(true, "example.test")), Errc::tls_cert_invalid);
  EXPECT_EQ(verdict_below(constraint(true, "example.org")), kAccepted);
  EXPECT_EQ(verdict_below({"\x55\x1D\x1E", false, {0x30, 0x05, 0xA0}}), Errc::tls_cert_invalid);
}

TEST_P(Certificates, MayHaveACriticalNameConstraintAbove) {
  const auto verdict_below = [](RawExtension extension) {
    extension.critical = true;
    CertificateSpec spec;
    spec.subject = "CN=Constrained";
    spec.role = CertificateRole::kAuthority;
    spec.extensions = {std::move(extension)};
    return verdict(world().ca.intermediate(spec).issue(good()));
  };
  EXPECT_EQ(verdict_below(constraint(false, "example.test")), kAccepted);
  EXPECT_EQ(verdict_below(constraint(false, "example.org")), Errc::tls_cert_invalid);
  EXPECT_EQ(verdict_below(constraint(true, "www.example.test")), Errc::tls_cert_invalid);
  EXPECT_EQ(verdict_below({"\x55\x1D\x1E", true, {0x30, 0x02, 0xA0, 0x00}}),
            Errc::tls_cert_invalid);
  // An address whose mask has a hole.
  EXPECT_EQ(verdict_below(
                {"\x55\x1D\x1E",
                 true,
                 {0x30, 0x0E, 0xA1, 0x0C, 0x30, 0x0A, 0x87, 0x08, 192, 0, 2, 0, 255, 0, 255, 0}}),
            Errc::tls_cert_invalid);
}

TEST_P(Certificates, OfAWildcardThatReachesAnExcludedNameAreRefused) {
  CertificateSpec spec;
  spec.subject = "CN=Constrained";
  spec.role = CertificateRole::kAuthority;
  spec.extensions = {constraint(true, "secret.example.test")};
  CertificateSpec leaf;
  leaf.dns_names = {"*.example.test"};
  EXPECT_EQ(verdict(world().ca.intermediate(spec).issue(leaf)), Errc::tls_cert_invalid);
}

TEST_P(Certificates, MayComeInAnyOrderAndWithOthers) {
  CertificateSpec spec;
  spec.role = CertificateRole::kAuthority;
  spec.subject = "CN=Upper";
  const TestCa upper = world().ca.intermediate(spec);
  spec.subject = "CN=Lower";
  const TestCa lower = upper.intermediate(spec);
  Identity identity = lower.issue(good());
  ASSERT_EQ(identity.chain.size(), 3u);
  std::swap(identity.chain[1], identity.chain[2]);
  spec.subject = "CN=Nobody's";
  spec.extensions.push_back({"\x2a\x03\x04", true, {0x05, 0x00}});
  identity.chain.insert(identity.chain.begin() + 1, world().ca.intermediate(spec).der());
  EXPECT_EQ(verdict(identity), kAccepted);
  // That one vouches for nobody.
  EXPECT_EQ(verdict(world().ca.intermediate(spec).issue(good())), Errc::tls_cert_unknown_ca);
}

TEST_P(Certificates, OfAnAuthorityForOtherUsesAreRefused) {
  CertificateSpec spec;
  spec.subject = "CN=For Clients";
  spec.role = CertificateRole::kAuthority;
  // ExtKeyUsage: clientAuth
  const base::Bytes usage = {0x30, 0x0A, 0x06, 0x08, 0x2B, 0x06,
                             0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
  spec.extensions = {{"\x55\x1D\x25", false, usage}};
  EXPECT_EQ(verdict(world().ca.intermediate(spec).issue(good())), Errc::tls_cert_invalid);
}

TEST_P(Certificates, OfAnAuthorityThatMayNotSignAreRefused) {
  CertificateSpec spec;
  spec.subject = "CN=No Signer";
  spec.role = CertificateRole::kAuthority;
  spec.key_usage = MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
  EXPECT_EQ(verdict(world().ca.intermediate(spec).issue(good())), Errc::tls_cert_unknown_ca);
}

TEST_P(Certificates, BelowAWeakKeyOrHashAreRefused) {
  CertificateSpec spec;
  spec.subject = "CN=Weak";
  spec.role = CertificateRole::kAuthority;
  spec.key = KeyKind::kRsa1024;
  EXPECT_NE(verdict(world().ca.intermediate(spec).issue(good())), kAccepted);
  spec.key = KeyKind::kP256;
  spec.hash = SignatureHash::kSha1;
  EXPECT_NE(verdict(world().ca.intermediate(spec).issue(good())), kAccepted);
}

TEST_P(Certificates, WithAMissingIntermediateAreOfUnknownIssuer) {
  CertificateSpec spec;
  spec.subject = "CN=Intermediate";
  spec.role = CertificateRole::kAuthority;
  Identity identity = world().ca.intermediate(spec).issue(good());
  identity.chain.resize(1);
  EXPECT_EQ(verdict(std::move(identity)), Errc::tls_cert_unknown_ca);
}

TEST_P(Certificates, ThatExpiredAreRefused) {
  CertificateSpec spec = good();
  spec.not_before = kJanuary2024;
  spec.not_after = kJanuary2025;
  EXPECT_EQ(verdict(world().ca.issue(spec)), Errc::tls_cert_expired);
}

TEST_P(Certificates, ThatAreNotYetValidAreRefused) {
  CertificateSpec spec = good();
  spec.not_before = kJanuary2028;
  EXPECT_EQ(verdict(world().ca.issue(spec)), Errc::tls_cert_expired);
}

TEST_P(Certificates, BelowAnExpiredIntermediateAreRefused) {
  CertificateSpec spec;
  spec.subject = "CN=Old Intermediate";
  spec.role = CertificateRole::kAuthority;
  spec.not_before = kJanuary2024;
  spec.not_after = kJanuary2025;
  EXPECT_EQ(verdict(world().ca.intermediate(spec).issue(good())), Errc::tls_cert_expired);
}

TEST_P(Certificates, ForAnotherHostAreRefused) {
  CertificateSpec spec;
  spec.dns_names = {"other.example.test", "example.test", "www.example.test.evil"};
  EXPECT_EQ(verdict(world().ca.issue(spec)), Errc::tls_cert_wrong_host);
}

TEST_P(Certificates, WithOnlyACommonNameAreRefused) {
  CertificateSpec spec;
  spec.subject = std::string{"CN="} + kHost;
  EXPECT_EQ(verdict(world().ca.issue(spec)), Errc::tls_cert_wrong_host);
}

TEST_P(Certificates, MatchAnyOfSeveralNamesWithoutCase) {
  CertificateSpec spec;
  spec.dns_names = {"first.test", "WWW.Example.TEST"};
  EXPECT_EQ(verdict(world().ca.issue(spec)), kAccepted);
  EXPECT_EQ(verdict(world().ca.issue(good()), "WWW.EXAMPLE.test"), kAccepted);
}

TEST_P(Certificates, MatchAWildcardForOneLabel) {
  CertificateSpec spec;
  spec.dns_names = {"*.example.test"};
  EXPECT_EQ(verdict(world().ca.issue(spec)), kAccepted);
  EXPECT_EQ(verdict(world().ca.issue(spec), "example.test"), Errc::tls_cert_wrong_host);
  EXPECT_EQ(verdict(world().ca.issue(spec), "a.www.example.test"), Errc::tls_cert_wrong_host);
}

TEST_P(Certificates, OfAnAddressNeedItInTheSan) {
  CertificateSpec spec;
  spec.ip_addresses = {"192.0.2.7", "2001:db8::7"};
  const Identity identity = world().ca.issue(spec);
  EXPECT_EQ(verdict(identity, "192.0.2.7"), kAccepted);
  EXPECT_EQ(verdict(identity, "2001:db8::7"), kAccepted);
  EXPECT_EQ(verdict(identity, "2001:db8:0:0::7"), kAccepted);
  EXPECT_EQ(verdict(identity, "192.0.2.8"), Errc::tls_cert_wrong_host);
  EXPECT_EQ(verdict(identity), Errc::tls_cert_wrong_host);
}

TEST_P(Certificates, WithAnAddressAsDnsNameAreRefused) {
  CertificateSpec spec;
  spec.subject = "CN=192.0.2.7";
  spec.dns_names = {"192.0.2.7"};
  EXPECT_EQ(verdict(world().ca.issue(spec), "192.0.2.7"), Errc::tls_cert_wrong_host);
}

TEST_P(Certificates, OfAnUnknownAuthorityAreRefused) {
  const TestCa stranger{world().rng, "CN=Stranger"};
  EXPECT_EQ(verdict(stranger.issue(good())), Errc::tls_cert_unknown_ca);
}

TEST_P(Certificates, OfANamesakeOfTheAuthorityAreRefused) {
  const TestCa namesake{world().rng, "CN=Test Root"};
  EXPECT_EQ(verdict(namesake.issue(good())), Errc::tls_cert_unknown_ca);
}

TEST_P(Certificates, ThatSignThemselvesAreRefused) {
  EXPECT_EQ(verdict(TestCa::self_signed(world().rng, good())), Errc::tls_cert_unknown_ca);
}

TEST_P(Certificates, SignedByALeafAreRefused) {
  // The signer is a valid leaf, not an authority.
  const TestCa fake = world().ca.intermediate(good());
  EXPECT_EQ(verdict(fake.issue(good())), Errc::tls_cert_unknown_ca);
}

TEST_P(Certificates, BeyondThePathLengthAreRefused) {
  CertificateSpec spec;
  spec.subject = "CN=Short";
  spec.role = CertificateRole::kAuthority;
  spec.path_length = 0;
  const TestCa first = world().ca.intermediate(spec);
  spec.subject = "CN=Too Deep";
  spec.path_length = -1;
  EXPECT_EQ(verdict(first.intermediate(spec).issue(good())), Errc::tls_cert_unknown_ca);
}

TEST_P(Certificates, ForClientsOnlyAreRefused) {
  CertificateSpec spec = good();
  spec.extended_usage = ExtendedUsage::kClient;
  EXPECT_EQ(verdict(world().ca.issue(spec)), Errc::tls_cert_invalid);
}

TEST_P(Certificates, WithoutTheRightToSignAreRefused) {
  CertificateSpec spec = good();
  spec.key_usage = MBEDTLS_X509_KU_KEY_ENCIPHERMENT;
  EXPECT_EQ(verdict(world().ca.issue(spec)), Errc::tls_cert_invalid);
}

TEST_P(Certificates, SignedWithSha1AreRefused) {
  CertificateSpec spec = good();
  spec.hash = SignatureHash::kSha1;
  const Errc code = verdict(world().ca.issue(spec));
  EXPECT_TRUE(code == Errc::tls_cert_invalid || code == Errc::tls_alert) << int(code);
}

TEST_P(Certificates, WithAnUnknownCriticalExtensionAreRefused) {
  CertificateSpec spec = good();
  spec.extensions.push_back({"\x2a\x03\x04", true, {0x05, 0x00}});
  EXPECT_EQ(verdict(world().ca.issue(spec)), Errc::tls_cert_invalid);
  spec.extensions.front().critical = false;
  EXPECT_EQ(verdict(world().ca.issue(spec)), kAccepted);
}

INSTANTIATE_TEST_SUITE_P(Tls, Certificates, testing::Values(TlsVersion::k12, TlsVersion::k13),
                         [](const auto& info) {
                           return info.param == TlsVersion::k12 ? "Tls12" : "Tls13";
                         });

TEST(CertificateClock, IsTheHosts) {
  TlsWorld world;
  const Identity identity = world.ca.issue_for(kHost);
  for (const auto& [wall, code] :
       {std::pair{base::WallTime{std::chrono::seconds{1735689599}}, Errc::tls_cert_expired},
        std::pair{kJanuary2025, Errc{}}, std::pair{kJanuary2028, Errc{}},
        std::pair{base::WallTime{std::chrono::seconds{1893456001}}, Errc::tls_cert_expired}}) {
    world.clock.set_wall(wall);
    TlsLink link{world, identity};
    link.connect();
    EXPECT_EQ(link.client_error(), code);
  }
}

TEST(CertificateTrust, DoesNotReachBeyondTheStore) {
  TlsWorld world;
  world.trust = tls::TrustStore::mozilla();
  TlsLink link{world, world.ca.issue_for(kHost)};
  link.connect();
  EXPECT_EQ(link.client_error(), Errc::tls_cert_unknown_ca);
}

TEST(CertificateTrust, TakesRootsFromSeveralPemBlocks) {
  TlsWorld world;
  const TestCa second{world.rng, "CN=Second Root"};
  auto store =
      tls::TrustStore::with_extra("Comment\n" + world.ca.pem() + "\n# more\n" + second.pem());
  ASSERT_TRUE(store.has_value());
  EXPECT_EQ((*store)->size(), tls::TrustStore::mozilla()->size() + 2);
  world.trust = *store;
  for (const TestCa* ca : {static_cast<const TestCa*>(&world.ca), &second}) {
    TlsLink link{world, ca->issue_for(kHost)};
    link.connect();
    EXPECT_EQ(link.client->state(), StreamState::kOpen);
  }
}

}  // namespace
}  // namespace mix::test
