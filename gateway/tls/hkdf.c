#include "tls/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

/* ---- life ---- */

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

bool hkdf_init(struct hkdf *h, const char *hash)
{
    int bytes = EVP_MD_get_size(EVP_get_digestbyname(hash));
    *h = (struct hkdf){ .hmac = new_hmac(hash), .bytes = (size_t)MAX(bytes, 0) };
    if (h->hmac && h->bytes && h->bytes <= sizeof(h->key))
        return true;
    hkdf_fini(h);
    return false;
}

void hkdf_fini(struct hkdf *h)
{
    EVP_MAC_CTX_free(h->hmac); /* which wipes */
    OPENSSL_cleanse(h, sizeof(*h));
}

/* ---- HMAC ---- */

static bool set_key(struct hkdf *h, struct slice key)
{
    const uint8_t *bytes = (const uint8_t *)key.data;
    assert(key.len > 0 && key.len <= h->bytes);
    if (h->key_bytes == key.len && CRYPTO_memcmp(h->key, bytes, key.len) == 0)
        return EVP_MAC_init(h->hmac, NULL, 0, NULL) == 1;
    h->key_bytes = 0;
    if (EVP_MAC_init(h->hmac, bytes, key.len, NULL) != 1)
        return false;
    memcpy(h->key, bytes, key.len);
    h->key_bytes = key.len;
    return true;
}

void hkdf_forget(struct hkdf *h)
{
    static const uint8_t nothing[1];
    if (!h->key_bytes)
        return;
    EVP_MAC_init(h->hmac, nothing, sizeof(nothing), NULL);
    OPENSSL_cleanse(h->key, sizeof(h->key));
    h->key_bytes = 0;
}

/* The first out_bytes of it. */
static bool authenticate(struct hkdf *h, struct slice key, struct slice data, uint8_t *out,
                         size_t out_bytes)
{
    uint8_t block[HKDF_HASH_MAX_BYTES];
    size_t n = 0;
    bool is_ok = set_key(h, key) &&
                 EVP_MAC_update(h->hmac, (const uint8_t *)data.data, data.len) == 1 &&
                 EVP_MAC_final(h->hmac, block, &n, sizeof(block)) == 1 && out_bytes <= n;
    if (is_ok)
        memcpy(out, block, out_bytes);
    OPENSSL_cleanse(block, sizeof(block));
    return is_ok;
}

/* ---- HKDF ---- */

bool hkdf_extract(struct hkdf *h, struct slice salt, struct slice secret, uint8_t *out)
{
    return authenticate(h, salt, secret, out, h->bytes);
}

static size_t put(uint8_t *to, size_t at, struct slice bytes)
{
    to[at++] = (uint8_t)bytes.len;
    if (bytes.len)
        memcpy(to + at, bytes.data, bytes.len);
    return at + bytes.len;
}

bool hkdf_expand_label(struct hkdf *h, struct slice secret, struct slice label,
                       struct slice context, uint8_t *out, size_t out_bytes)
{
    uint8_t info[2 + 1 + HKDF_LABEL_MAX_BYTES + 1 + HKDF_HASH_MAX_BYTES + 1];
    size_t n = 0;
    assert(label.len <= HKDF_LABEL_MAX_BYTES && context.len <= HKDF_HASH_MAX_BYTES);
    assert(out_bytes <= h->bytes);
    info[n++] = 0;
    info[n++] = (uint8_t)out_bytes;
    n = put(info, n, label);
    n = put(info, n, context);
    info[n++] = 1; /* the block's number: the first of HKDF-Expand, and the only one */
    return authenticate(h, secret, slice_of((const char *)info, n), out, out_bytes);
}
