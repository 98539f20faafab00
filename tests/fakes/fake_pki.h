/* Certificates for tests, made on the spot: keys, leaves, authorities, OCSP responses. Any failure
 * aborts. */
#ifndef FAKES_FAKE_PKI_H
#define FAKES_FAKE_PKI_H

#include "config/config.h"

#include <openssl/ssl.h>

struct fake_certificate {
    X509 *x509;
    EVP_PKEY *key;
    struct slice cert_pem, key_pem; /* owned */
};

/* `key_type` is "EC", "RSA", "ED25519" or "WEAK"; certificates of one type share a key, because RSA
 * takes long to make. `names` is the subjectAltName as OpenSSL's configuration writes it
 * ("DNS:a.vn,DNS:*.b.vn"), NULL for an authority. Signed by `issuer`, by itself when that is NULL.
 */
void fake_certificate_init(struct fake_certificate *c, const char *key_type, const char *names,
                           const struct fake_certificate *issuer);
void fake_certificate_fini(struct fake_certificate *c);

/* "good", valid until `next_update_s` (since 1970). DER, owned by the caller: mem_free(.data). */
struct slice fake_ocsp_response(const struct fake_certificate *c,
                                const struct fake_certificate *issuer, int64_t next_update_s);

/* As the configuration would hold it. `ocsp` may be empty. */
struct config_certificate fake_certificate_config(const struct fake_certificate *c,
                                                  struct slice ocsp);

#endif
