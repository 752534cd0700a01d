#include "test_ca.h"

#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>

#include <array>
#include <list>
#include <utility>

#include "mix/base/encoding.h"
#include "mix/base/panic.h"
#include "mix/net/address.h"
#include "platform.h"

namespace mix::test {

namespace {

void must(int result) {
  if (result != 0) base::panic("test_ca: mbedTLS refused");
}

int fill_random(void* rng, unsigned char* out, std::size_t size) {
  static_cast<base::Rng*>(rng)->fill({out, size});
  return 0;
}

/// Certificate making asks for no time; the scope wants a clock all the same.
class NoClock final : public base::Clock {
 public:
  [[nodiscard]] base::TimePoint now() const override { return {}; }
  [[nodiscard]] base::WallTime wall_now() const override { return {}; }
};

/// YYYYMMDDhhmmss as mbedTLS wants it.
std::string time_text(base::WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(time - day)};
  const auto digits = [](long value, std::size_t width) {
    const std::string text = std::to_string(value);
    return std::string(width - text.size(), '0') + text;
  };
  return digits(int{date.year()}, 4) + digits(static_cast<long>(unsigned{date.month()}), 2) +
         digits(static_cast<long>(unsigned{date.day()}), 2) + digits(clock.hours().count(), 2) +
         digits(clock.minutes().count(), 2) + digits(clock.seconds().count(), 2);
}

mbedtls_md_type_t hash_of(SignatureHash hash) {
  switch (hash) {
    case SignatureHash::kSha384:
      return MBEDTLS_MD_SHA384;
    case SignatureHash::kSha1:
      return MBEDTLS_MD_SHA1;
    case SignatureHash::kSha256:
      break;
  }
  return MBEDTLS_MD_SHA256;
}

}  // namespace

class TestKey {
 public:
  TestKey(KeyKind kind, base::Rng& rng) {
    const NoClock clock;
    const tls::detail::PlatformScope scope{clock, rng};
    mbedtls_pk_init(&pk);
    const bool rsa = kind == KeyKind::kRsa2048 || kind == KeyKind::kRsa1024;
    must(mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(rsa ? MBEDTLS_PK_RSA : MBEDTLS_PK_ECKEY)));
    if (rsa) {
      must(mbedtls_rsa_gen_key(mbedtls_pk_rsa(pk), &fill_random, &rng,
                               kind == KeyKind::kRsa2048 ? 2048 : 1024, 65537));
    } else {
      must(mbedtls_ecp_gen_key(
          kind == KeyKind::kP384 ? MBEDTLS_ECP_DP_SECP384R1 : MBEDTLS_ECP_DP_SECP256R1,
          mbedtls_pk_ec(pk), &fill_random, &rng));
    }
  }
  ~TestKey() { mbedtls_pk_free(&pk); }
  TestKey(const TestKey&) = delete;
  TestKey& operator=(const TestKey&) = delete;

  mutable mbedtls_pk_context pk;
};

void* TestKeyAccess::context(const TestKey& key) { return &key.pk; }

namespace {

base::Bytes make_certificate(const CertificateSpec& spec, const TestKey& subject_key,
                             const std::string& issuer, const TestKey& issuer_key, base::Rng& rng) {
  const NoClock clock;
  const tls::detail::PlatformScope scope{clock, rng};
  mbedtls_x509write_cert writer;
  mbedtls_x509write_crt_init(&writer);
  mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(&writer, hash_of(spec.hash));
  mbedtls_x509write_crt_set_subject_key(&writer, &subject_key.pk);
  mbedtls_x509write_crt_set_issuer_key(&writer, &issuer_key.pk);
  must(mbedtls_x509write_crt_set_subject_name(&writer, spec.subject.c_str()));
  must(mbedtls_x509write_crt_set_issuer_name(&writer, issuer.c_str()));
  auto serial = rng.bytes<16>();
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3F) | 0x40);
  must(mbedtls_x509write_crt_set_serial_raw(&writer, serial.data(), serial.size()));
  must(mbedtls_x509write_crt_set_validity(&writer, time_text(spec.not_before).c_str(),
                                          time_text(spec.not_after).c_str()));
  const bool authority = spec.role == CertificateRole::kAuthority;
  must(mbedtls_x509write_crt_set_basic_constraints(&writer, authority ? 1 : 0, spec.path_length));
  must(mbedtls_x509write_crt_set_subject_key_identifier(&writer));
  must(mbedtls_x509write_crt_set_authority_key_identifier(&writer));
  const unsigned usage = spec.key_usage.value_or(authority ? MBEDTLS_X509_KU_KEY_CERT_SIGN
                                                           : MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
  must(mbedtls_x509write_crt_set_key_usage(&writer, usage));

  std::string usage_oid;
  mbedtls_asn1_sequence usages{};
  if (!authority && spec.extended_usage != ExtendedUsage::kNone) {
    usage_oid = spec.extended_usage == ExtendedUsage::kServer
                    ? std::string{MBEDTLS_OID_SERVER_AUTH, sizeof(MBEDTLS_OID_SERVER_AUTH) - 1}
                    : std::string{MBEDTLS_OID_CLIENT_AUTH, sizeof(MBEDTLS_OID_CLIENT_AUTH) - 1};
    base::Bytes oid = base::to_bytes(base::as_bytes(usage_oid));
    usages.buf.tag = MBEDTLS_ASN1_OID;
    usages.buf.p = oid.data();
    usages.buf.len = oid.size();
    must(mbedtls_x509write_crt_set_ext_key_usage(&writer, &usages));
  }

  std::list<mbedtls_x509_san_list> names;
  std::list<base::Bytes> values;
  const auto add_name = [&](int type, base::Bytes value) {
    values.push_back(std::move(value));
    mbedtls_x509_san_list name{};
    name.node.type = type;
    name.node.san.unstructured_name.p = values.back().data();
    name.node.san.unstructured_name.len = values.back().size();
    names.push_back(name);
    if (names.size() > 1) std::prev(names.end(), 2)->next = &names.back();
  };
  for (const std::string& name : spec.dns_names) {
    add_name(MBEDTLS_X509_SAN_DNS_NAME, base::to_bytes(base::as_bytes(name)));
  }
  for (const std::string& text : spec.ip_addresses) {
    const auto address = net::parse_ip(text);
    if (!address) base::panic("test_ca: not an address");
    std::visit(
        [&](const auto& ip) { add_name(MBEDTLS_X509_SAN_IP_ADDRESS, base::to_bytes(ip.octets)); },
        *address);
  }
  if (!names.empty()) {
    must(mbedtls_x509write_crt_set_subject_alternative_name(&writer, &names.front()));
  }
  for (const RawExtension& extension : spec.extensions) {
    must(mbedtls_x509write_crt_set_extension(&writer, extension.oid.data(), extension.oid.size(),
                                             extension.critical ? 1 : 0, extension.value.data(),
                                             extension.value.size()));
  }

  std::array<std::uint8_t, 8192> buffer{};
  const int size =
      mbedtls_x509write_crt_der(&writer, buffer.data(), buffer.size(), &fill_random, &rng);
  if (size < 0) base::panic("test_ca: certificate cannot be written");
  mbedtls_x509write_crt_free(&writer);
  // mbedTLS writes at the end of the buffer.
  return base::to_bytes(base::ByteView{buffer}.last(static_cast<std::size_t>(size)));
}

CertificateSpec root_spec(const std::string& subject) {
  CertificateSpec spec;
  spec.subject = subject;
  spec.role = CertificateRole::kAuthority;
  return spec;
}

}  // namespace

std::string to_pem(base::ByteView der) {
  const std::string text = base::base64_encode(der);
  std::string out = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < text.size(); at += 64) out += text.substr(at, 64) + "\n";
  return out + "-----END CERTIFICATE-----\n";
}

std::string to_pem(const TestKey& key) {
  std::array<unsigned char, 4096> buffer{};
  must(mbedtls_pk_write_key_pem(&key.pk, buffer.data(), buffer.size()));
  const std::string_view text = base::as_text(buffer);
  return std::string{text.substr(0, text.find('\0'))};
}

TestCa::TestCa(base::Rng& rng, const std::string& subject) : TestCa(rng, root_spec(subject)) {}

TestCa::TestCa(base::Rng& rng, const CertificateSpec& spec)
    : rng_(&rng), own_(self_signed(rng, spec)), subject_(spec.subject), is_root_(true) {}

Identity TestCa::self_signed(base::Rng& rng, const CertificateSpec& spec) {
  auto key = std::make_shared<TestKey>(spec.key, rng);
  base::Bytes der = make_certificate(spec, *key, spec.subject, *key, rng);
  return {{std::move(der)}, std::move(key)};
}

Identity TestCa::issue(const CertificateSpec& spec) const {
  auto key = std::make_shared<TestKey>(spec.key, *rng_);
  Identity out{{make_certificate(spec, *key, subject_, *own_.key, *rng_)}, std::move(key)};
  if (!is_root_) out.chain.insert(out.chain.end(), own_.chain.begin(), own_.chain.end());
  return out;
}

Identity TestCa::issue_for(const std::string& dns_name) const {
  CertificateSpec spec;
  spec.subject = "CN=" + dns_name;
  spec.dns_names = {dns_name};
  return issue(spec);
}

TestCa TestCa::intermediate(const CertificateSpec& spec) const {
  return TestCa{*rng_, issue(spec), spec.subject, false};
}

}  // namespace mix::test
