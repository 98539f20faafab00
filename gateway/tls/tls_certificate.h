/* One certificate of the configuration, ready for OpenSSL: leaf, chain, private key, the DNS names
 * that it covers, and the OCSP response to staple. Copies what it needs of the configuration. */
#ifndef TLS_TLS_CERTIFICATE_H
#define TLS_TLS_CERTIFICATE_H

#include "common/err.h"
#include "config/config.h"

#include <openssl/ssl.h>

/* A client can be served by one kind of key and not by another, so a name may have one of each. */
enum tls_key_kind { TLS_KEY_ECDSA, TLS_KEY_RSA, TLS_KEY_ED25519, TLS_KEY_KINDS };

struct tls_certificate {
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    enum tls_key_kind kind;
    char **names; /* from subjectAltName, lower case; "*.x" is a wildcard of one label (RFC 6125) */
    size_t name_count;
    unsigned char *ocsp; /* DER; NULL: none */
    size_t ocsp_bytes;
    int64_t ocsp_expires_s; /* since 1970; past that, clients take a staple for a forgery */
};

/* On failure nothing is left to free; the sentence names the file. */
int tls_certificate_init(struct tls_certificate *c, const struct config_certificate *config,
                         struct err *e) MUST_CHECK;
void tls_certificate_fini(struct tls_certificate *c);

/* Whether `name` stands in the certificate letter by letter. */
bool tls_certificate_has_name(const struct tls_certificate *c, const char *name);

#endif
