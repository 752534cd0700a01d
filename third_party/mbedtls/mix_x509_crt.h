/* Servers' certificates as core/tls wants them read and checked; see mix_x509_crt.c. */
#ifndef MIX_X509_CRT_H
#define MIX_X509_CRT_H

#include <mbedtls/x509_crt.h>

#ifdef __cplusplus
extern "C" {
#endif

int mix_x509_crt_parse_der(mbedtls_x509_crt* chain, const unsigned char* bytes, size_t size);

/* Puts issuers after what they may have issued; the first certificate stays. */
void mix_x509_crt_order(mbedtls_x509_crt* leaf);

int mix_x509_crt_verify_with_ca_cb(mbedtls_x509_crt* chain, mbedtls_x509_crt_ca_cb_t find_anchors,
                                   void* finder, const mbedtls_x509_crt_profile* profile,
                                   const char* name, uint32_t* flags,
                                   int (*check)(void*, mbedtls_x509_crt*, int, uint32_t*),
                                   void* checker);

#ifdef __cplusplus
}
#endif

#endif
