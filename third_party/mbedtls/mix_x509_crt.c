/* Servers' certificates as core/tls wants them read and checked. These take the place of the
 * functions of mbedTLS whose names they bear, within TLS only. */
#include "mix_x509_crt.h"

#include <string.h>

/* A critical NameConstraints extension (RFC 5280 §4.2.1.10) is known, since core/tls checks it;
 * every other critical extension that mbedTLS does not know makes a certificate unreadable, as
 * ever. */
static int know_name_constraints(void* context, const mbedtls_x509_crt* certificate,
                                 const mbedtls_x509_buf* oid, int critical,
                                 const unsigned char* begin, const unsigned char* end) {
  static const unsigned char name_constraints[] = {0x55, 0x1D, 0x1E}; /* 2.5.29.30 */
  int* unknown_critical = context;
  (void)certificate, (void)begin, (void)end;
  if (oid->len == sizeof name_constraints &&
      memcmp(oid->p, name_constraints, sizeof name_constraints) == 0) {
    return 0;
  }
  if (critical) *unknown_critical = 1;
  return MBEDTLS_ERR_X509_INVALID_EXTENSIONS;
}

int mix_x509_crt_parse_der(mbedtls_x509_crt* chain, const unsigned char* bytes, size_t size) {
  const int is_leaf = chain->version == 0;
  int unknown_critical = 0;
  const int result = mbedtls_x509_crt_parse_der_with_ext_cb(
      chain, bytes, size, 1, know_name_constraints, &unknown_critical);
  /* No path leads through such a certificate, but one may lead past it. */
  return result != 0 && unknown_critical && !is_leaf ? 0 : result;
}

static int issued(const mbedtls_x509_crt* issuer, const mbedtls_x509_crt* certificate) {
  return issuer->subject_raw.len == certificate->issuer_raw.len &&
         memcmp(issuer->subject_raw.p, certificate->issuer_raw.p, issuer->subject_raw.len) == 0;
}

/* spec: RFC 8446 §4.4.2: be prepared for any order. Every certificate that can have issued one
 * before it moves up to it; others keep their order at the end. */
void mix_x509_crt_order(mbedtls_x509_crt* leaf) {
  mbedtls_x509_crt* last = leaf; /* of the ordered part */
  for (mbedtls_x509_crt* child = leaf; child != NULL; child = child == last ? NULL : child->next) {
    for (mbedtls_x509_crt* before = last; before->next != NULL;) {
      mbedtls_x509_crt* found = before->next;
      if (!issued(found, child)) {
        before = found;
        continue;
      }
      before->next = found->next;
      found->next = last->next;
      last->next = found;
      if (before == last) before = found;
      last = found;
    }
  }
}

int mix_x509_crt_verify_with_ca_cb(mbedtls_x509_crt* chain, mbedtls_x509_crt_ca_cb_t find_anchors,
                                   void* finder, const mbedtls_x509_crt_profile* profile,
                                   const char* name, uint32_t* flags,
                                   int (*check)(void*, mbedtls_x509_crt*, int, uint32_t*),
                                   void* checker) {
  mix_x509_crt_order(chain);
  return mbedtls_x509_crt_verify_with_ca_cb(chain, find_anchors, finder, profile, name, flags,
                                            check, checker);
}
