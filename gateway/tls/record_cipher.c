#include "tls/record_cipher.h"

#include "common/err.h"
#include "common/log.h"
#include "common/mem.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
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

static EVP_MAC_CTX *new_hmac(const char *hash)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)hash, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac); /* the context has a reference */
    if (ctx && EVP_MAC_CTX_set_params(ctx, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

static bool engine_is_whole(const struct record_engine *e)
{
    bool is_whole = true;
    for (size_t i = 0; i < RECORD_SUITES; i++)
        is_whole = is_whole && e->aead[i] && e->hmac[i] && e->ciphers[i][OPEN].ctx &&
                   e->ciphers[i][SEAL].ctx;
    return is_whole;
}

void record_engine_init(struct record_engine *e)
{
    *e = (struct record_engine){ 0 };
    for (size_t i = 0; i < RECORD_SUITES; i++) {
        e->aead[i] = EVP_CIPHER_fetch(NULL, suites[i].aead, NULL);
        e->hmac[i] = new_hmac(suites[i].hash);
        e->ciphers[i][OPEN].ctx = EVP_CIPHER_CTX_new();
        e->ciphers[i][SEAL].ctx = EVP_CIPHER_CTX_new();
    }
    if (engine_is_whole(e))
        return;
    log_write(LOG_ERROR, "OpenSSL lacks what TLS 1.3 needs; this process stops");
    abort();
}

void record_engine_fini(struct record_engine *e)
{
    for (size_t i = 0; i < RECORD_SUITES; i++) {
        EVP_CIPHER_CTX_free(e->ciphers[i][OPEN].ctx);
        EVP_CIPHER_CTX_free(e->ciphers[i][SEAL].ctx);
        EVP_MAC_CTX_free(e->hmac[i]);
        EVP_CIPHER_free(e->aead[i]);
    }
    mem_wipe(e, sizeof(*e));
}

/* ---- key schedule ---- */

#define LABEL_MAX_BYTES 32

/* HKDF-Expand-Label with an empty context (RFC 8446 7.1). What we ask for is never longer than the
 * hash, so that one block of HKDF-Expand (RFC 5869 2.3) is all there is. */
static bool expand_label(EVP_MAC_CTX *hmac, const uint8_t *secret, size_t secret_bytes,
                         const char *label, uint8_t *out, size_t out_bytes)
{
    uint8_t info[2 + 1 + LABEL_MAX_BYTES + 1 + 1], block[EVP_MAX_MD_SIZE];
    size_t label_bytes = strlen(label), n = 0, block_bytes = 0;
    assert(label_bytes <= LABEL_MAX_BYTES && out_bytes <= secret_bytes);
    info[n++] = 0;
    info[n++] = (uint8_t)out_bytes;
    info[n++] = (uint8_t)label_bytes;
    memcpy(info + n, label, label_bytes);
    n += label_bytes;
    info[n++] = 0; /* the context's length */
    info[n++] = 1; /* the block's number */
    bool is_ok =
        EVP_MAC_init(hmac, secret, secret_bytes, NULL) == 1 && EVP_MAC_update(hmac, info, n) == 1 &&
        EVP_MAC_final(hmac, block, &block_bytes, sizeof(block)) == 1 && block_bytes == secret_bytes;
    if (is_ok)
        memcpy(out, block, out_bytes);
    OPENSSL_cleanse(block, sizeof(block));
    return is_ok;
}

static bool expand_keys(EVP_MAC_CTX *hmac, enum record_suite suite, struct record_keys *k)
{
    size_t n = suites[suite].secret_bytes;
    return expand_label(hmac, k->secret, n, "tls13 key", k->key, suites[suite].key_bytes) &&
           expand_label(hmac, k->secret, n, "tls13 iv", k->iv, sizeof(k->iv));
}

/* Takes the secret out of the HMAC, whose state is as good as it. */
static bool forget_secret(EVP_MAC_CTX *hmac, enum record_suite suite)
{
    static const uint8_t nothing[RECORD_SECRET_MAX_BYTES];
    return EVP_MAC_init(hmac, nothing, suites[suite].secret_bytes, NULL) == 1;
}

/* Puts `next` in the place of `k`. */
static int replace_keys(struct record_engine *e, enum record_suite suite, struct record_keys *k,
                        struct record_keys *next, bool is_ok)
{
    if (!forget_secret(e->hmac[suite], suite) || !is_ok) {
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
    return replace_keys(e, suite, k, &next, expand_keys(e->hmac[suite], suite, &next));
}

int record_keys_update(struct record_engine *e, enum record_suite suite, struct record_keys *k)
{
    struct record_keys next = { 0 };
    size_t n = suites[suite].secret_bytes;
    EVP_MAC_CTX *hmac = e->hmac[suite];
    bool is_ok = expand_label(hmac, k->secret, n, "tls13 traffic upd", next.secret, n) &&
                 expand_keys(hmac, suite, &next);
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
