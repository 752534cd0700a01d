// A server's certificates through our verifier: a good chain with bytes changed must not be
// believed, and no bytes may do more harm than that.
#include <mbedtls/x509_crt.h>

#include "core/tls/src/platform.h"
#include "core/tls/src/verify.h"
#include "support/target.h"
#include "tests/support/tls/test_ca.h"

using namespace mix;

namespace {

struct World {
  fuzz::FixedRng rng;
  test::TestCa root{rng, "CN=Root"};
  test::TestCa middle = [this] {
    test::CertificateSpec spec;
    spec.subject = "CN=Middle";
    spec.role = test::CertificateRole::kAuthority;
    return root.intermediate(spec);
  }();
  std::vector<base::Bytes> chain = middle.issue_for("www.example.com").chain;
  std::shared_ptr<tls::TrustStore> trust = *tls::TrustStore::with_extra(root.pem());
};

/// Whether the chain is believed.
bool verify(World& world, const std::vector<base::Bytes>& chain) {
  tls::detail::Verifier verifier(*tls::detail::parse_host("www.example.com"), world.trust, {});
  mbedtls_ssl_config config;
  mbedtls_ssl_config_init(&config);
  verifier.install(config);
  mbedtls_x509_crt crt;
  mbedtls_x509_crt_init(&crt);
  bool is_good = true;
  for (const base::Bytes& der : chain) {
    is_good &= mbedtls_x509_crt_parse_der(&crt, der.data(), der.size()) == 0;
  }
  if (is_good) {
    std::uint32_t flags = 0;
    is_good = mbedtls_x509_crt_verify_with_ca_cb(
                  &crt, config.MBEDTLS_PRIVATE(f_ca_cb), config.MBEDTLS_PRIVATE(p_ca_cb),
                  config.MBEDTLS_PRIVATE(cert_profile), nullptr, &flags,
                  config.MBEDTLS_PRIVATE(f_vrfy), config.MBEDTLS_PRIVATE(p_vrfy)) == 0;
  }
  mbedtls_x509_crt_free(&crt);
  mbedtls_ssl_config_free(&config);
  return is_good;
}

}  // namespace

MIX_FUZZ(certificates) {
  static World world;
  static const fuzz::FixedClock clock;
  static fuzz::FixedRng rng;
  const tls::detail::PlatformScope scope{clock, rng};
  static const bool is_sound = verify(world, world.chain);
  fuzz::require(is_sound, "the good chain is refused");
  fuzz::Parts parts(input);
  const std::uint8_t how = parts.u8();
  if ((how & 1) != 0) {
    (void)tls::TrustStore::with_extra(base::as_text(parts.rest()));
    return;
  }
  if ((how & 2) != 0) {
    std::vector<base::Bytes> chain;
    while (!parts.empty() && chain.size() < 4) chain.push_back(base::to_bytes(parts.part()));
    if (chain.empty()) return;
    fuzz::require(!verify(world, chain) || chain.front() == world.chain.front(),
                  "a certificate out of nowhere is believed");
    return;
  }
  // Edits: which certificate, where, what to flip.
  std::vector<base::Bytes> chain = world.chain;
  while (!parts.empty()) {
    base::Bytes& der = chain[parts.u8() % chain.size()];
    der[parts.u16() % der.size()] ^= parts.u8();
  }
  fuzz::require(verify(world, chain) == (chain == world.chain),
                "a changed certificate is believed, or an unchanged one is not");
}
