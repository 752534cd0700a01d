#include "verify.h"

#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform.h>
#include <mbedtls/sha256.h>

#include <algorithm>
#include <new>

#include "certificate.h"
#include "constants.h"
#include "public_profile.h"

namespace mix::tls::detail {

namespace {

// What a chain may be signed with: SHA-256 and longer, RSA from 2048 bits, the NIST curves. The
// signature of the anchor itself is not looked at.
const mbedtls_x509_crt_profile kProfile = {
    MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSA) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSASSA_PSS) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) | MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA),
    MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP521R1),
    2048,
};

/// No extended usage means any. spec: RFC 5280 §4.2.1.12
bool serves_web(const mbedtls_x509_crt& certificate) {
  return mbedtls_x509_crt_check_extended_key_usage(&certificate, MBEDTLS_OID_SERVER_AUTH,
                                                   MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0;
}

}  // namespace

void Verifier::install(mbedtls_ssl_config& config) {
  mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_cert_profile(&config, &kProfile);
  mbedtls_ssl_conf_ca_cb(&config, &Verifier::find_anchors, this);
  mbedtls_ssl_conf_verify(&config, &Verifier::check_certificate, this);
}

std::uint32_t Verifier::judge(mbedtls_x509_crt& chain) {
  const auto* name = std::get_if<DnsHost>(&host_);
  std::uint32_t flags = 0;
  const int result = mbedtls_x509_crt_verify_with_ca_cb(
      &chain, &Verifier::find_anchors, this, &kProfile,
      name != nullptr ? name->name.c_str() : nullptr, &flags, &Verifier::check_certificate, this);
  return result != 0 && flags == 0 ? UINT32_MAX : flags;
}

int Verifier::find_anchors(void* self, const mbedtls_x509_crt* child,
                           mbedtls_x509_crt** candidates) {
  *candidates = nullptr;
  const auto& issuer = child->issuer_raw;
  const auto anchors = static_cast<Verifier*>(self)->trust_->find({issuer.p, issuer.len});
  if (anchors.empty()) return 0;
  // mbedTLS frees the list itself, with its own allocator.
  auto* list = static_cast<mbedtls_x509_crt*>(mbedtls_calloc(1, sizeof(mbedtls_x509_crt)));
  if (list == nullptr) return MBEDTLS_ERR_X509_ALLOC_FAILED;
  mbedtls_x509_crt_init(list);
  for (const base::ByteView der : anchors) {
    // The store outlives the handshake. One that does not parse is no anchor.
    (void)parse_certificate(*list, der, Storage::kNoCopy);
  }
  *candidates = list;
  return 0;
}

/// mbedTLS calls this from the anchor down to the leaf.
int Verifier::check_certificate(void* self, mbedtls_x509_crt* certificate, int depth,
                                std::uint32_t* flags) {
  auto& verifier = *static_cast<Verifier*>(self);
  verifier.pin_found_ |= verifier.is_pinned(*certificate);
  if (depth > 0) {
    verifier.check_authority(*certificate, *flags);
  } else {
    verifier.check_leaf(*certificate, *flags);
  }
  verifier.chain_flags_ |= *flags;
  if (depth == 0 && !verifier.pins_.empty() && !verifier.pin_found_) {
    // What else is wrong is told first.
    verifier.pin_failed_ = verifier.chain_flags_ == 0;
    *flags |= MBEDTLS_X509_BADCERT_OTHER;
  }
  return 0;
}

void Verifier::check_authority(const mbedtls_x509_crt& certificate, std::uint32_t& flags) {
  if (!anchor_) {
    // The first is the anchor, or nothing is believed anyway.
    anchor_ = trust_->kind_of({certificate.raw.p, certificate.raw.len});
    if (anchor_ == AnchorKind::kPublic && !is_proper_anchor(certificate)) {
      flags |= MBEDTLS_X509_BADCERT_OTHER;
    }
  } else {
    if (!is_self_issued(certificate) && !constraints_.allow(certificate)) {
      flags |= MBEDTLS_X509_BADCERT_OTHER;
    }
    if (anchor_ == AnchorKind::kPublic && !is_proper_authority(certificate)) {
      flags |= MBEDTLS_X509_BADCERT_OTHER;
    }
  }
  if (!constraints_.add(certificate, *anchor_)) flags |= MBEDTLS_X509_BADCERT_OTHER;
  if (!serves_web(certificate)) flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
}

void Verifier::check_leaf(const mbedtls_x509_crt& leaf, std::uint32_t& flags) {
  if (!names_host(leaf)) flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  if (!constraints_.allow(leaf)) flags |= MBEDTLS_X509_BADCERT_OTHER;
  if (!serves_web(leaf)) flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
  if (mbedtls_x509_crt_check_key_usage(&leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0) {
    flags |= MBEDTLS_X509_BADCERT_KEY_USAGE;
  }
  if (anchor_ == AnchorKind::kPublic && !is_proper_leaf(leaf)) flags |= MBEDTLS_X509_BADCERT_OTHER;
}

bool Verifier::is_pinned(const mbedtls_x509_crt& certificate) const {
  if (pins_.empty()) return false;
  Pin digest{};
  const mbedtls_x509_buf& key = certificate.pk_raw;
  if (mbedtls_sha256(key.p, key.len, digest.data(), 0) != 0) return false;
  return std::ranges::find(pins_, digest) != pins_.end();
}

bool Verifier::names_host(const mbedtls_x509_crt& leaf) const {
  // mbedTLS alone would fall back to the common name when the extension is absent.
  if (mbedtls_x509_crt_has_ext_type(&leaf, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME) == 0) return false;
  for (const mbedtls_x509_sequence* name = &leaf.subject_alt_names; name != nullptr;
       name = name->next) {
    if (name->buf.p == nullptr) continue;
    const base::ByteView value{name->buf.p, name->buf.len};
    const int kind = name->buf.tag & static_cast<int>(MBEDTLS_ASN1_TAG_VALUE_MASK);
    if (const auto* dns = std::get_if<DnsHost>(&host_)) {
      if (kind == kSanDnsName && dns_name_matches(base::as_text(value), dns->name)) return true;
    } else if (const auto* ip = std::get_if<IpHost>(&host_)) {
      if (kind == kSanIpAddress && base::equal(value, ip->address)) return true;
    }
  }
  return false;
}

base::Error verification_error(std::uint32_t flags, std::string context) {
  using enum base::Errc;
  const auto has = [flags](std::uint32_t wanted) { return (flags & wanted) != 0; };
  base::Errc code = tls_cert_invalid;
  // All bits set: mbedTLS gave up before it had a verdict.
  if (flags != UINT32_MAX) {
    if (has(MBEDTLS_X509_BADCERT_NOT_TRUSTED)) {
      code = tls_cert_unknown_ca;
    } else if (has(MBEDTLS_X509_BADCERT_CN_MISMATCH)) {
      code = tls_cert_wrong_host;
    } else if (has(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)) {
      code = tls_cert_expired;
    }
  }
  return base::Error{code, flags, std::move(context)};
}

}  // namespace mix::tls::detail
