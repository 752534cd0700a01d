/* Key updates of TLS 1.3 (RFC 8446 §4.6.3, §7.2), which mbedTLS 3.6 lacks: it answers the message with
 * MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE and leaves its state as it was. Our own code, compiled with
 * mbedTLS because it works on its internal structures. */
#ifndef MIX_TLS13_KEY_UPDATE_H
#define MIX_TLS13_KEY_UPDATE_H

#include <mbedtls/ssl.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the message asks for, or that it is none. */
typedef enum {
  MIX_KEY_UPDATE_NONE = 0,      /* the current message is no well-formed KeyUpdate */
  MIX_KEY_UPDATE_RECEIVED = 1,  /* the peer changed its sending keys */
  MIX_KEY_UPDATE_REQUESTED = 2  /* and wants us to change ours */
} mix_key_update;

/* Call when mbedtls_ssl_read() answered MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE. */
mix_key_update mix_mbedtls_received_key_update(const mbedtls_ssl_context *ssl);

/* Moves the keys of received records one generation on. 0 or an mbedTLS error. */
int mix_mbedtls_update_receive_keys(mbedtls_ssl_context *ssl);

/* Sends a KeyUpdate (which asks the peer for one in return if `request` is not 0) under the present
 * keys and moves the keys of sent records on. No output may be pending. 0, MBEDTLS_ERR_SSL_WANT_WRITE
 * (done, but the record still waits to be written), or an mbedTLS error. */
int mix_mbedtls_send_key_update(mbedtls_ssl_context *ssl, int request);

#ifdef __cplusplus
}
#endif

#endif
