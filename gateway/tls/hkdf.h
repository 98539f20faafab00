/* HKDF (RFC 5869) as TLS 1.3 uses it (RFC 8446 7.1), over an HMAC of OpenSSL's that is made once.
 *
 * It remains keyed with the last secret until hkdf_forget(), for the next derivation is often from
 * the same one, and keying is half of the work. */
#ifndef TLS_HKDF_H
#define TLS_HKDF_H

#include "common/slice.h"

#include <openssl/evp.h>

#define HKDF_HASH_MAX_BYTES 48  /* SHA-384, the larger of the two that TLS 1.3 has */
#define HKDF_LABEL_MAX_BYTES 32 /* its prefix "tls13 " included */

struct hkdf {
    EVP_MAC_CTX *hmac;                /* owned */
    size_t bytes;                     /* of the hash */
    uint8_t key[HKDF_HASH_MAX_BYTES]; /* what `hmac` is keyed with */
    size_t key_bytes;                 /* 0: nothing */
};

/* With this hash ("SHA256"); false: OpenSSL does not know it, and there is nothing to finish. The
 * functions below are false when OpenSSL fails. */
bool hkdf_init(struct hkdf *h, const char *hash) MUST_CHECK;
void hkdf_fini(struct hkdf *h); /* wipes */
void hkdf_forget(struct hkdf *h);

/* HKDF-Extract, to as many bytes as the hash has; the salt has at most as many. */
bool hkdf_extract(struct hkdf *h, struct slice salt, struct slice secret, uint8_t *out) MUST_CHECK;
/* HKDF-Expand-Label. `label` begins with "tls13 "; secret and output have at most the hash's bytes,
 * which is all that the protocol itself asks for. */
bool hkdf_expand_label(struct hkdf *h, struct slice secret, struct slice label,
                       struct slice context, uint8_t *out, size_t out_bytes) MUST_CHECK;

#endif
