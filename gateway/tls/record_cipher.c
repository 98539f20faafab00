#include "tls/record_cipher.h"

#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum direction { OPEN, SEAL };

static const struct {
    const char *aead, *hash;
    uint16_t number;
    uint8_t secret_bytes, key_bytes;
} suites[RECORD_SUITES] = {
    [RECORD_AES_128_GCM_SHA256] = { "AES-128-GCM", "SHA256", 0x1301, 32, 16 },
    [RECORD_AES_256_GCM_SHA384] = { "AES-256-GCM", "SHA384", 0x1302, 48, 32 },
    [RECORD_CHACHA20_POLY1305_SHA256] = { "ChaCha20-Poly1305", "SHA256", 0x1303, 32, 32 },
};

bool record_suite_find(uint16_t number, enum record_suite *suite)
{
    for (size_t i = 0; i < RECORD_SUITES; i++) {
        if (suites[i].number != number)
            continue;
        *suite = (enum record_suite)i;
        return true;
    }
    return false;
}

size_t record_suite_secret_bytes(enum record_suite suite)
{
    return suites[suite].secret_bytes;
}

/* ---- the engine ---- */

static bool engine_is_whole(const struct record_engine *e)
{
    bool is_whole = true;
    for (size_t i = 0; i < RECORD_SUITES; i++)
        is_whole = is_whole && e->aead[i] && e->ciphers[i][OPEN].ctx && e->ciphers[i][SEAL].ctx;
    return is_whole;
}

void record_engine_init(struct record_engine *e)
{
    *e = (struct record_engine){ 0 };
    bool has_hashes = true;
    for (size_t i = 0; i < RECORD_SUITES; i++) {
        has_hashes = hkdf_init(&e->hkdf[i], suites[i].hash) && has_hashes;
        e->aead[i] = EVP_CIPHER_fetch(NULL, suites[i].aead, NULL);
        e->ciphers[i][OPEN].ctx = EVP_CIPHER_CTX_new();
        e->ciphers[i][SEAL].ctx = EVP_CIPHER_CTX_new();
    }
    if (has_hashes && engine_is_whole(e))
        return;
    log_write(LOG_ERROR, "OpenSSL lacks what TLS 1.3 needs; this process stops");
    abort();
}

void record_engine_fini(struct record_engine *e)
{
    for (size_t i = 0; i < RECORD_SUITES; i++) {
        EVP_CIPHER_CTX_free(e->ciphers[i][OPEN].ctx);
        EVP_CIPHER_CTX_free(e->ciphers[i][SEAL].ctx);
        hkdf_fini(&e->hkdf[i]);
        EVP_CIPHER_free(e->aead[i]);
    }
    mem_wipe(e, sizeof(*e));
}

/* ---- key schedule ---- */

static bool expand_keys(struct hkdf *hkdf, struct slice secret, enum record_suite suite,
                        struct record_keys *k)
{
    struct slice none = { 0 };
    return hkdf_expand_label(hkdf, secret, SLICE("tls13 key"), none, k->key,
                             suites[suite].key_bytes) &&
           hkdf_expand_label(hkdf, secret, SLICE("tls13 iv"), none, k->iv, sizeof(k->iv));
}

static struct slice secret_of(const struct record_keys *k, enum record_suite suite)
{
    return slice_of((const char *)k->secret, suites[suite].secret_bytes);
}

/* Puts `next` in the place of `k`. */
static int replace_keys(struct record_engine *e, enum record_suite suite, struct record_keys *k,
                        struct record_keys *next, bool is_ok)
{
    hkdf_forget(&e->hkdf[suite]);
    if (!is_ok) {
        OPENSSL_cleanse(next, sizeof(*next));
        ERR_clear_error();
        return ERR_NO_MEMORY;
    }
    record_keys_wipe(e, suite, k);
    *k = *next;
    OPENSSL_cleanse(next, sizeof(*next));
    return 0;
}

int record_keys_derive(struct record_engine *e, enum record_suite suite, struct record_keys *k)
{
    struct record_keys next = { 0 };
    memcpy(next.secret, k->secret, suites[suite].secret_bytes);
    return replace_keys(e, suite, k, &next,
                        expand_keys(&e->hkdf[suite], secret_of(k, suite), suite, &next));
}

int record_keys_update(struct record_engine *e, enum record_suite suite, struct record_keys *k)
{
    struct record_keys next = { 0 };
    size_t n = suites[suite].secret_bytes;
    struct hkdf *hkdf = &e->hkdf[suite];
    bool is_ok = hkdf_expand_label(hkdf, secret_of(k, suite), SLICE("tls13 traffic upd"),
                                   (struct slice){ 0 }, next.secret, n) &&
                 expand_keys(hkdf, secret_of(&next, suite), suite, &next);
    return replace_keys(e, suite, k, &next, is_ok);
}

/* ---- AEAD ---- */

static bool has_key(const struct record_cipher *c, const struct record_keys *k)
{
    return c->is_keyed && CRYPTO_memcmp(c->key, k->key, sizeof(c->key)) == 0;
}

static void forget_key(struct record_cipher *c)
{
    EVP_CIPHER_CTX_reset(c->ctx); /* OpenSSL wipes what it frees of a cipher */
    OPENSSL_cleanse(c->key, sizeof(c->key));
    c->is_keyed = false;
}

void record_keys_wipe(struct record_engine *e, enum record_suite suite, struct record_keys *k)
{
    for (int i = OPEN; i <= SEAL; i++)
        if (has_key(&e->ciphers[suite][i], k))
            forget_key(&e->ciphers[suite][i]);
    OPENSSL_cleanse(k, sizeof(*k));
}

/* The context with k's key, and the nonce of the next record, whose number it uses up (RFC 8446
 * 5.3). A number is never used twice: there are no more records than 2^64. */
static EVP_CIPHER_CTX *begin(struct record_engine *e, enum record_suite suite,
                             enum direction direction, struct record_keys *k)
{
    struct record_cipher *c = &e->ciphers[suite][direction];
    uint8_t nonce[RECORD_NONCE_BYTES];
    bool is_new = !has_key(c, k);
    if (k->sequence == UINT64_MAX)
        return NULL;
    memcpy(nonce, k->iv, sizeof(nonce));
    for (int i = 0; i < 8; i++)
        nonce[RECORD_NONCE_BYTES - 1 - i] ^= (uint8_t)(k->sequence >> (8 * i));
    k->sequence++;
    if (is_new)
        c->is_keyed = false;
    const EVP_CIPHER *aead = EVP_CIPHER_CTX_get0_cipher(c->ctx) ? NULL : e->aead[suite];
    if (EVP_CipherInit_ex(c->ctx, aead, NULL, is_new ? k->key : NULL, nonce, direction == SEAL) !=
        1)
        return NULL;
    if (is_new) {
        memcpy(c->key, k->key, sizeof(c->key));
        c->is_keyed = true;
    }
    return c->ctx;
}

/* Through a context whose key may be half set. */
static void give_up(struct record_engine *e, enum record_suite suite, enum direction direction)
{
    forget_key(&e->ciphers[suite][direction]);
    ERR_clear_error();
}

int record_keys_seal(struct record_engine *e, enum record_suite suite, struct record_keys *k,
                     const uint8_t head[RECORD_HEAD_BYTES], const void *data, size_t len,
                     uint8_t type, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = begin(e, suite, SEAL, k);
    int n = 0, data_bytes = 0, type_bytes = 0, rest = 0;
    if (ctx && EVP_EncryptUpdate(ctx, NULL, &n, head, RECORD_HEAD_BYTES) == 1 &&
        (len == 0 || EVP_EncryptUpdate(ctx, out, &data_bytes, data, (int)len) == 1) &&
        EVP_EncryptUpdate(ctx, out + data_bytes, &type_bytes, &type, 1) == 1 &&
        EVP_EncryptFinal_ex(ctx, out + data_bytes + type_bytes, &rest) == 1 &&
        data_bytes + type_bytes + rest == (int)len + 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, RECORD_TAG_BYTES, out + len + 1) == 1)
        return 0;
    give_up(e, suite, SEAL);
    return ERR_NO_MEMORY;
}

bool record_keys_open(struct record_engine *e, enum record_suite suite, struct record_keys *k,
                      const uint8_t head[RECORD_HEAD_BYTES], const uint8_t *sealed, size_t len,
                      uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = begin(e, suite, OPEN, k);
    size_t text_bytes = len - RECORD_TAG_BYTES;
    int n = 0, data_bytes = 0, rest = 0;
    assert(len > RECORD_TAG_BYTES);
    if (ctx && EVP_DecryptUpdate(ctx, NULL, &n, head, RECORD_HEAD_BYTES) == 1 &&
        EVP_DecryptUpdate(ctx, out, &data_bytes, sealed, (int)text_bytes) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, RECORD_TAG_BYTES,
                            (void *)(sealed + text_bytes)) == 1 &&
        EVP_DecryptFinal_ex(ctx, out + data_bytes, &rest) == 1 &&
        data_bytes + rest == (int)text_bytes)
        return true;
    OPENSSL_cleanse(out, text_bytes);
    give_up(e, suite, OPEN);
    return false;
}
