/* The whole configuration of mbedTLS 3.6: a list of what is on, so that nothing comes in unasked.
 * Used in place of mbedtls_config.h (MBEDTLS_CONFIG_FILE), by the library and by everyone who includes
 * its headers.
 *
 * MIX_MBEDTLS_TEST_PEER adds what the tests' origin servers need; native builds set it, wasm never. */
#ifndef MIX_MBEDTLS_CONFIG_H
#define MIX_MBEDTLS_CONFIG_H

/* --- Platform: no files, sockets, threads, clock or entropy of its own --------------------------- */
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_HAVE_TIME               /* session tickets have a life-time */
#define MBEDTLS_HAVE_TIME_DATE          /* certificates have a validity */
#define MBEDTLS_PLATFORM_TIME_ALT       /* mix::tls sets mbedtls_platform_set_time() to the host's clock */
#define MBEDTLS_PLATFORM_MS_TIME_ALT    /* mix::tls defines mbedtls_ms_time() likewise */
/* MBEDTLS_HAVE_ASM stays off: native tests then run the same C paths as wasm. Same for AESNI, AESCE. */

/* --- PSA core, over our random source ------------------------------------------------------------ */
#define MBEDTLS_PSA_CRYPTO_C            /* TLS 1.3 is written on it */
#define MBEDTLS_USE_PSA_CRYPTO          /* TLS 1.2 and X.509 too: one implementation in the module */
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG /* mix::tls defines mbedtls_psa_external_get_random() */
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC   /* key slots grow with the number of connections */
/* No PSA storage: keys live as long as a connection. */

/* --- Ciphers: AEAD only -------------------------------------------------------------------------- */
#define MBEDTLS_CIPHER_C
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES          /* no tables made at run time, so no hidden start-up state */
#define MBEDTLS_CIPHER_MODE_CTR         /* known-answer checks of our own constant-time AES */
#define MBEDTLS_GCM_C                   /* the mandatory TLS cipher */
#define MBEDTLS_CHACHA20_C              /* preferred: constant time in wasm, unlike table AES */
#define MBEDTLS_POLY1305_C
#define MBEDTLS_CHACHAPOLY_C
/* CBC, CCM, DES, Camellia, ARIA, null: not offered. Without CBC no encrypt-then-MAC question arises. */

/* --- Hashes -------------------------------------------------------------------------------------- */
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA384_C                /* suites *_SHA384 and P-384 signatures */
#define MBEDTLS_SHA512_C                /* RSA-PSS/PKCS1 signatures with SHA-512 */
/* Several Mozilla roots sign themselves with SHA-1 and would not parse without it. Signatures below a
 * root never use it: mbedTLS' default certificate profile refuses it. */
#define MBEDTLS_SHA1_C
#define MBEDTLS_HKDF_C                  /* TLS 1.3 key schedule */

/* --- Public key ---------------------------------------------------------------------------------- */
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_NIST_OPTIM          /* fast reduction, four times quicker on the NIST curves */
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_SECP521R1_ENABLED
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15               /* most certificates in the web */
#define MBEDTLS_PKCS1_V21               /* RSA-PSS, the only RSA signature of TLS 1.3 handshakes */
#define MBEDTLS_OID_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C            /* ECDSA signatures are ASN.1 */
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_PK_WRITE_C              /* PSA takes RSA keys in DER, written by this */

/* --- Certificates -------------------------------------------------------------------------------- */
#define MBEDTLS_BASE64_C
#define MBEDTLS_PEM_PARSE_C             /* option extraRoots takes PEM */
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT /* some CAs sign with PSS */
/* Roots are looked up by issuer when a chain needs one, instead of parsing all of them at start. */
#define MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
#define MBEDTLS_X509_REMOVE_INFO        /* no human-readable dumps: size, and no certificate text in logs */
/* No CRL: nobody serves them to clients of this kind. No MBEDTLS_ERROR_C: our errors carry numbers. */

/* --- TLS ----------------------------------------------------------------------------------------- */
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE               /* middle boxes behind the exit expect it */
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED /* resumption with forward secrecy */
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED              /* the only TLS 1.2 exchanges: ECDHE */
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET                  /* closes the triple-handshake attack */
#define MBEDTLS_SSL_ALPN                                    /* http/1.1 and later h2 */
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE                   /* the error path tells which check failed */
#define MBEDTLS_SSL_SESSION_TICKETS                         /* one round trip less on a second connect */
#define MBEDTLS_SSL_IN_CONTENT_LEN 16384                    /* servers send full records regardless */
#define MBEDTLS_SSL_OUT_CONTENT_LEN 16384
/* Off: renegotiation, DTLS, PSK without ECDHE, DHE, static RSA, early data, context serialisation,
 * key export, debug output. */

/* --- Tests' origin servers, native only ---------------------------------------------------------- */
#ifdef MIX_MBEDTLS_TEST_PEER
#define MBEDTLS_SSL_SRV_C
#define MBEDTLS_SSL_TICKET_C            /* servers that hand out tickets */
#define MBEDTLS_GENPRIME                /* RSA keys made on the spot */
#define MBEDTLS_X509_CREATE_C           /* throw-away authorities and leaf certificates */
#define MBEDTLS_X509_CRT_WRITE_C
#define MBEDTLS_PEM_WRITE_C
#endif

#endif
