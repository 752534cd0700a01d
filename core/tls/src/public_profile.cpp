#include "public_profile.h"

#include <mbedtls/oid.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "certificate.h"
#include "constants.h"
#include "host.h"
#include "mix/net/address.h"

namespace mix::tls::detail {
namespace {

using base::ByteView;

constexpr int kSequence = MBEDTLS_ASN1_SEQUENCE | MBEDTLS_ASN1_CONSTRUCTED;
/// spec: RFC 5280 §4.1.2.2
constexpr std::size_t kMaxSerialSize = 20;

bool present_and_not_critical(const mbedtls_x509_crt& certificate, ByteView oid) {
  const auto extension = find_extension(certificate, oid);
  return extension && !extension->critical;
}

/// spec: RFC 5280 §4.1.2.2; a leading zero byte only makes it positive.
bool has_proper_serial(const mbedtls_x509_crt& certificate) {
  const ByteView serial{certificate.serial.p, certificate.serial.len};
  const bool zero = std::ranges::all_of(serial, [](std::uint8_t byte) { return byte == 0; });
  return !zero && (serial.front() & 0x80) == 0 && serial.size() <= kMaxSerialSize;
}

/// AuthorityInfoAccessSyntax ::= SEQUENCE SIZE (1..MAX) OF AccessDescription. RFC 5280 §4.2.2.1
bool has_proper_access(const mbedtls_x509_crt& certificate) {
  const auto extension = find_extension(certificate, kAuthorityInfoAccess);
  if (!extension) return true;
  ByteView value = extension->value;
  auto list = next(value);
  if (!list || list->tag != kSequence || list->value.empty() || !value.empty()) return false;
  while (const auto description = next(list->value)) {
    ByteView parts = description->value;
    const auto method = next(parts);
    const auto place = next(parts);
    if (!method || method->tag != MBEDTLS_ASN1_OID || !place || !parts.empty()) return false;
  }
  return list->value.empty();
}

/// spec: RFC 5280 §4.2.1.1, BR §7.1.2.11.1
bool is_proper(const mbedtls_x509_crt& certificate) {
  return has_proper_serial(certificate) && has_proper_access(certificate) &&
         present_and_not_critical(certificate, kAuthorityKeyIdentifier);
}

/// A name of the certificate in the form that a common name must have.
std::string as_text(const mbedtls_x509_buf& name) {
  const int kind = name.tag & static_cast<int>(MBEDTLS_ASN1_TAG_VALUE_MASK);
  const ByteView value{name.p, name.len};
  if (kind == kSanDnsName) return std::string{base::as_text(value)};
  if (kind != kSanIpAddress) return {};
  net::Ipv4 v4;
  net::Ipv6 v6;
  if (value.size() == v4.octets.size()) {
    std::ranges::copy(value, v4.octets.begin());
    return net::to_string(net::IpAddress{v4});
  }
  if (value.size() != v6.octets.size()) return {};
  std::ranges::copy(value, v6.octets.begin());
  return net::to_string(net::IpAddress{v6});
}

/// A name with a dot that no address is written like.
bool is_domain(std::string_view text) {
  const auto host = parse_host(text);
  const auto* name = host ? std::get_if<DnsHost>(&*host) : nullptr;
  if (name == nullptr || name->name != text) return false;
  const std::size_t dot = text.rfind('.');
  return dot != std::string_view::npos && (text[dot + 1] < '0' || text[dot + 1] > '9');
}

/// A common name is a copy of an alternative name. spec: BR §7.1.4.3. The domain that the DNS names
/// are in (if there are any) passes, too: it claims nothing new.
bool common_name_is_proper(std::string_view common, const mbedtls_x509_crt& leaf) {
  const std::string below = "." + std::string{common};
  bool is_parent = is_domain(common);
  for (const mbedtls_x509_sequence* name = &leaf.subject_alt_names; name != nullptr;
       name = name->next) {
    if (name->buf.p == nullptr) continue;
    const std::string listed = as_text(name->buf);
    if (listed == common) return true;
    const int kind = name->buf.tag & static_cast<int>(MBEDTLS_ASN1_TAG_VALUE_MASK);
    if (kind == kSanDnsName && !listed.ends_with(below)) is_parent = false;
  }
  return is_parent;
}

bool common_names_are_proper(const mbedtls_x509_crt& leaf) {
  for (const mbedtls_x509_name* part = &leaf.subject; part != nullptr; part = part->next) {
    if (part->oid.p == nullptr || MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) != 0) continue;
    if (!common_name_is_proper(base::as_text({part->val.p, part->val.len}), leaf)) return false;
  }
  return true;
}

/// For servers and not for everything. spec: BR §7.1.2.7.10
bool has_proper_usage(const mbedtls_x509_crt& leaf) {
  const auto extension = find_extension(leaf, kExtendedKeyUsage);
  if (!extension) return true;
  if (extension->critical) return false;
  for (const mbedtls_x509_sequence* usage = &leaf.ext_key_usage; usage != nullptr;
       usage = usage->next) {
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_ANY_EXTENDED_KEY_USAGE, &usage->buf) == 0) return false;
  }
  return true;
}

/// spec: BR §6.1.5
bool has_proper_key(const mbedtls_x509_crt& leaf) {
  return mbedtls_pk_get_type(&leaf.pk) != MBEDTLS_PK_RSA ||
         mbedtls_pk_get_bitlen(&leaf.pk) % 8 == 0;
}

/// Letters, digits and hyphens only; a wildcard is the whole first label. spec: BR §7.1.2.7.12
bool dns_names_are_proper(const mbedtls_x509_crt& leaf) {
  for (const mbedtls_x509_sequence* name = &leaf.subject_alt_names; name != nullptr;
       name = name->next) {
    const int kind = name->buf.tag & static_cast<int>(MBEDTLS_ASN1_TAG_VALUE_MASK);
    if (name->buf.p == nullptr || kind != kSanDnsName) continue;
    std::string_view text = base::as_text({name->buf.p, name->buf.len});
    if (text.starts_with("*.")) text.remove_prefix(2);
    const auto host = parse_host(text);
    if (!host || std::holds_alternative<IpHost>(*host) || text.ends_with('.')) return false;
    if (text.find('_') != std::string_view::npos) return false;
  }
  return true;
}

/// spec: RFC 5280 §4.2.1.6, BR §7.1.2.7.12: critical exactly when there is no subject
bool alternative_names_are_marked(const mbedtls_x509_crt& leaf) {
  const auto extension = find_extension(leaf, kSubjectAltName);
  const bool has_subject = leaf.subject.oid.p != nullptr;
  return !extension || extension->critical != has_subject;
}

}  // namespace

bool is_proper_anchor(const mbedtls_x509_crt& certificate) {
  const auto own = find_extension(certificate, kSubjectKeyIdentifier);
  const auto issuers = find_extension(certificate, kAuthorityKeyIdentifier);
  if ((own && own->critical) || (issuers && issuers->critical)) return false;
  if (find_extension(certificate, kExtendedKeyUsage)) return false;
  const auto& key = certificate.subject_key_id;
  const auto& issuer_key = certificate.authority_key_id.keyIdentifier;
  return key.p == nullptr || issuer_key.p == nullptr || !is_self_issued(certificate) ||
         base::equal({key.p, key.len}, {issuer_key.p, issuer_key.len});
}

bool is_proper_authority(const mbedtls_x509_crt& certificate) {
  const auto policy = find_extension(certificate, kPolicyConstraints);
  return is_proper(certificate) && present_and_not_critical(certificate, kSubjectKeyIdentifier) &&
         (!policy || policy->critical);
}

bool is_proper_leaf(const mbedtls_x509_crt& certificate) {
  const auto own_key = find_extension(certificate, kSubjectKeyIdentifier);
  const bool signs_others =
      mbedtls_x509_crt_has_ext_type(&certificate, MBEDTLS_X509_EXT_KEY_USAGE) != 0 &&
      mbedtls_x509_crt_check_key_usage(&certificate, MBEDTLS_X509_KU_KEY_CERT_SIGN) == 0;
  return is_proper(certificate) && (!own_key || !own_key->critical) && !signs_others &&
         mbedtls_x509_crt_get_ca_istrue(&certificate) <= 0 &&
         !find_extension(certificate, kNameConstraints) && common_names_are_proper(certificate) &&
         has_proper_usage(certificate) && has_proper_key(certificate) &&
         dns_names_are_proper(certificate) && alternative_names_are_marked(certificate);
}

}  // namespace mix::tls::detail
