/* What protects the records of TLS 1.3 in one direction: the AEADs (RFC 8446 5.2, 5.3) and the keys
 * that follow from a traffic secret (7.2, 7.3). The cryptography is OpenSSL's (EVP).
 *
 * A `struct record_keys` is all that a connection keeps of a direction. What EVP needs to work with
 * them is the worker's, one context a suite and direction in `struct record_engine`, which takes
 * the keys of whose turn it is: a context is keyed anew when the keys differ from those that it
 * has, so whose they are need not be remembered. A sequence number is used once and then gone,
 * whether or not the record was any good. */
#ifndef TLS_RECORD_CIPHER_H
#define TLS_RECORD_CIPHER_H

#include "tls/hkdf.h"

#include <openssl/evp.h>

#define RECORD_SECRET_MAX_BYTES HKDF_HASH_MAX_BYTES
#define RECORD_KEY_MAX_BYTES 32
#define RECORD_NONCE_BYTES 12
#define RECORD_TAG_BYTES 16
#define RECORD_HEAD_BYTES 5

enum record_suite {
    RECORD_AES_128_GCM_SHA256,
    RECORD_AES_256_GCM_SHA384,
    RECORD_CHACHA20_POLY1305_SHA256,
    RECORD_SUITES,
};

struct record_keys {
    uint64_t sequence; /* of the next record */
    uint8_t secret[RECORD_SECRET_MAX_BYTES];
    uint8_t key[RECORD_KEY_MAX_BYTES];
    uint8_t iv[RECORD_NONCE_BYTES];
};

struct record_cipher {
    EVP_CIPHER_CTX *ctx; /* owned */
    uint8_t key[RECORD_KEY_MAX_BYTES];
    bool is_keyed; /* with `key` */
};

/* One a worker. */
struct record_engine {
    EVP_CIPHER *aead[RECORD_SUITES];                /* owned */
    struct hkdf hkdf[RECORD_SUITES];                /* with the suite's hash */
    struct record_cipher ciphers[RECORD_SUITES][2]; /* to open with, to seal with */
};

/* Aborts when OpenSSL lacks something: a process has one. */
void record_engine_init(struct record_engine *e);
void record_engine_fini(struct record_engine *e);

/* The suite that TLS knows by this number (RFC 8446 B.4). False: not one of ours. */
bool record_suite_find(uint16_t number, enum record_suite *suite);
/* Of its traffic secrets, which is that of its hash. */
size_t record_suite_secret_bytes(enum record_suite suite);

/* Key and IV from k->secret; the sequence begins at 0. The functions below return 0, or
 * ERR_NO_MEMORY when OpenSSL fails; `k` is then as it was but for the sequence. */
int record_keys_derive(struct record_engine *e, enum record_suite suite,
                       struct record_keys *k) MUST_CHECK;
/* The next generation (RFC 8446 7.2). */
int record_keys_update(struct record_engine *e, enum record_suite suite,
                       struct record_keys *k) MUST_CHECK;
/* Wipes them, here and in the engine. */
void record_keys_wipe(struct record_engine *e, enum record_suite suite, struct record_keys *k);

/* `data` and the content type behind it, to out[0 .. len + 1 + RECORD_TAG_BYTES). */
int record_keys_seal(struct record_engine *e, enum record_suite suite, struct record_keys *k,
                     const uint8_t head[RECORD_HEAD_BYTES], const void *data, size_t len,
                     uint8_t type, uint8_t *out) MUST_CHECK;
/* `len` bytes, the tag included, to out[0 .. len - RECORD_TAG_BYTES). False when they are not what
 * was sealed; `out` is then wiped. */
bool record_keys_open(struct record_engine *e, enum record_suite suite, struct record_keys *k,
                      const uint8_t head[RECORD_HEAD_BYTES], const uint8_t *sealed, size_t len,
                      uint8_t *out) MUST_CHECK;

#endif
