#include "common.h" /* mbedTLS' own, first: opens its structures */

#include "mix_tls13_key_update.h"

#include <string.h>

#include "mbedtls/platform_util.h"
#include "psa_util_internal.h"
#include "ssl_misc.h"
#include "ssl_tls13_keys.h"

/* mbedTLS' files each define this for themselves. */
#define PSA_TO_MBEDTLS_ERR(status) \
  PSA_TO_MBEDTLS_ERR_LIST(status, psa_to_ssl_errors, psa_generic_status_to_mbedtls)

#define FORCE_FLUSH 1

/* RFC 8446 §4: handshake type; §4.6.3: length and values of the body. */
#define KEY_UPDATE_TYPE 24
#define KEY_UPDATE_SIZE 5 /* type, 24-bit length, request_update */

/* application_traffic_secret_N+1 = HKDF-Expand-Label(secret_N, "traffic upd", "", Hash.length),
 * then key and IV from it. */
static int next_generation(mbedtls_ssl_context *ssl, unsigned char *secret, unsigned char *iv,
                           mbedtls_svc_key_id_t *key_id, psa_key_usage_t usage) {
  const mbedtls_ssl_ciphersuite_t *suite =
      mbedtls_ssl_ciphersuite_from_id(ssl->session->ciphersuite);
  unsigned char next[MBEDTLS_TLS1_3_MD_MAX_SIZE];
  unsigned char key[MBEDTLS_SSL_MAX_KEY_LENGTH];
  psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
  mbedtls_svc_key_id_t id = MBEDTLS_SVC_KEY_ID_INIT;
  psa_key_type_t type;
  psa_algorithm_t algorithm;
  psa_algorithm_t hash;
  size_t hash_size, key_bits, key_size;
  int ret;

  if (suite == NULL) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
  hash = mbedtls_md_psa_alg_from_type((mbedtls_md_type_t) suite->mac);
  hash_size = PSA_HASH_LENGTH(hash);
  ret = PSA_TO_MBEDTLS_ERR(mbedtls_ssl_cipher_to_psa((mbedtls_cipher_type_t) suite->cipher,
                                                     ssl->transform_application->taglen, &algorithm,
                                                     &type, &key_bits));
  if (ret != 0) return ret;
  key_size = PSA_BITS_TO_BYTES(key_bits);
  if (hash_size > sizeof(next) || key_size > sizeof(key)) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;

  ret = mbedtls_ssl_tls13_hkdf_expand_label(hash, secret, hash_size,
                                            MBEDTLS_SSL_TLS1_3_LBL_WITH_LEN(traffic_upd), NULL, 0,
                                            next, hash_size);
  if (ret != 0) goto cleanup;
  ret = mbedtls_ssl_tls13_hkdf_expand_label(hash, next, hash_size,
                                            MBEDTLS_SSL_TLS1_3_LBL_WITH_LEN(key), NULL, 0, key,
                                            key_size);
  if (ret != 0) goto cleanup;
  psa_set_key_usage_flags(&attributes, usage);
  psa_set_key_algorithm(&attributes, algorithm);
  psa_set_key_type(&attributes, type);
  ret = PSA_TO_MBEDTLS_ERR(psa_import_key(&attributes, key, key_size, &id));
  if (ret != 0) goto cleanup;
  ret = mbedtls_ssl_tls13_hkdf_expand_label(hash, next, hash_size,
                                            MBEDTLS_SSL_TLS1_3_LBL_WITH_LEN(iv), NULL, 0, iv,
                                            ssl->transform_application->ivlen);
  if (ret != 0) {
    psa_destroy_key(id);
    goto cleanup;
  }
  psa_destroy_key(*key_id);
  *key_id = id;
  memcpy(secret, next, hash_size);

cleanup:
  mbedtls_platform_zeroize(next, sizeof(next));
  mbedtls_platform_zeroize(key, sizeof(key));
  return ret;
}

static int is_established(const mbedtls_ssl_context *ssl) {
  return ssl->tls_version == MBEDTLS_SSL_VERSION_TLS1_3 &&
         ssl->state == MBEDTLS_SSL_HANDSHAKE_OVER && ssl->session != NULL &&
         ssl->transform_application != NULL && ssl->transform_in == ssl->transform_application &&
         ssl->transform_out == ssl->transform_application;
}

static unsigned char *sending_secret(mbedtls_ssl_context *ssl) {
  mbedtls_ssl_tls13_application_secrets *secrets = &ssl->session->app_secrets;
  return ssl->conf->endpoint == MBEDTLS_SSL_IS_CLIENT ? secrets->client_application_traffic_secret_N
                                                      : secrets->server_application_traffic_secret_N;
}

static unsigned char *receiving_secret(mbedtls_ssl_context *ssl) {
  mbedtls_ssl_tls13_application_secrets *secrets = &ssl->session->app_secrets;
  return ssl->conf->endpoint == MBEDTLS_SSL_IS_CLIENT ? secrets->server_application_traffic_secret_N
                                                      : secrets->client_application_traffic_secret_N;
}

mix_key_update mix_mbedtls_received_key_update(const mbedtls_ssl_context *ssl) {
  const unsigned char *message = ssl->in_msg;
  /* The message must fill its record: the keys change with the next one. */
  if (!is_established(ssl) || ssl->in_msgtype != MBEDTLS_SSL_MSG_HANDSHAKE ||
      ssl->in_hslen != KEY_UPDATE_SIZE || ssl->in_msglen != KEY_UPDATE_SIZE ||
      message[0] != KEY_UPDATE_TYPE || message[4] > 1) {
    return MIX_KEY_UPDATE_NONE;
  }
  return message[4] == 1 ? MIX_KEY_UPDATE_REQUESTED : MIX_KEY_UPDATE_RECEIVED;
}

int mix_mbedtls_update_receive_keys(mbedtls_ssl_context *ssl) {
  int ret;
  if (!is_established(ssl)) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
  ret = next_generation(ssl, receiving_secret(ssl), ssl->transform_in->iv_dec,
                        &ssl->transform_in->psa_key_dec, PSA_KEY_USAGE_DECRYPT);
  if (ret == 0) memset(ssl->in_ctr, 0, MBEDTLS_SSL_SEQUENCE_NUMBER_LEN);
  return ret;
}

int mix_mbedtls_send_key_update(mbedtls_ssl_context *ssl, int request) {
  int written, ret;
  if (!is_established(ssl) || ssl->out_left != 0) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
  ssl->out_msgtype = MBEDTLS_SSL_MSG_HANDSHAKE;
  ssl->out_msglen = KEY_UPDATE_SIZE;
  ssl->out_msg[0] = KEY_UPDATE_TYPE;
  ssl->out_msg[1] = 0;
  ssl->out_msg[2] = 0;
  ssl->out_msg[3] = 1;
  ssl->out_msg[4] = request ? 1 : 0;
  /* Encrypts at once; only the writing may be left over. */
  written = mbedtls_ssl_write_record(ssl, FORCE_FLUSH);
  if (written != 0 && written != MBEDTLS_ERR_SSL_WANT_WRITE) return written;
  ret = next_generation(ssl, sending_secret(ssl), ssl->transform_out->iv_enc,
                        &ssl->transform_out->psa_key_enc, PSA_KEY_USAGE_ENCRYPT);
  if (ret != 0) return ret;
  memset(ssl->cur_out_ctr, 0, sizeof(ssl->cur_out_ctr));
  return written;
}
