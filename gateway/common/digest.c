/* The one-shot functions of OpenSSL 3 look an algorithm up and allocate at each call, which costs
 * more than the hash of a cookie; its older interface, declared deprecated, does neither and runs
 * the same code below. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/digest.h"

#include "common/mem.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#define BLOCK_BYTES SHA256_CBLOCK

_Static_assert(DIGEST_BYTES == SHA256_DIGEST_LENGTH, "SHA-256");

static void add_parts(SHA256_CTX *ctx, const struct slice *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        SHA256_Update(ctx, parts[i].data, parts[i].len);
}

void digest_sha256(const struct slice *parts, size_t count, uint8_t out[DIGEST_BYTES])
{
    SHA256_CTX ctx;
    SHA256_Init(&ctx);
    add_parts(&ctx, parts, count);
    SHA256_Final(out, &ctx);
}

static void begin_padded(SHA256_CTX *ctx, struct slice key, uint8_t padding)
{
    uint8_t block[BLOCK_BYTES];
    memset(block, padding, sizeof(block));
    for (size_t i = 0; i < key.len; i++)
        block[i] ^= (uint8_t)key.data[i];
    SHA256_Init(ctx);
    SHA256_Update(ctx, block, sizeof(block));
    mem_wipe(block, sizeof(block));
}

void digest_hmac_any(struct slice key, const struct slice *parts, size_t count,
                     uint8_t out[DIGEST_BYTES])
{
    SHA256_CTX ctx;
    uint8_t inner[DIGEST_BYTES], shorter[DIGEST_BYTES];
    if (key.len > BLOCK_BYTES) {
        digest_sha256(&key, 1, shorter);
        key = slice_of((const char *)shorter, sizeof(shorter));
    }
    begin_padded(&ctx, key, 0x36);
    add_parts(&ctx, parts, count);
    SHA256_Final(inner, &ctx);
    begin_padded(&ctx, key, 0x5c);
    SHA256_Update(&ctx, inner, sizeof(inner));
    SHA256_Final(out, &ctx);
    mem_wipe(&ctx, sizeof(ctx));
}

void digest_hmac(const uint8_t key[DIGEST_BYTES], const struct slice *parts, size_t count,
                 uint8_t out[DIGEST_BYTES])
{
    digest_hmac_any(slice_of((const char *)key, DIGEST_BYTES), parts, count, out);
}

/* Extracted with an empty salt; one block of output is all that is expanded. */
void digest_derive(struct slice master, const char *label, uint64_t number,
                   uint8_t out[DIGEST_BYTES])
{
    static const uint8_t no_salt[DIGEST_BYTES];
    uint8_t extracted[DIGEST_BYTES];
    char tail[9];
    for (size_t i = 0; i < 8; i++)
        tail[i] = (char)(number >> (56 - 8 * i));
    tail[8] = 1; /* the block's number */
    digest_hmac(no_salt, &master, 1, extracted);
    const struct slice info[] = { slice_str(label), slice_of(tail, sizeof(tail)) };
    digest_hmac(extracted, info, ARRAY_LEN(info), out);
    mem_wipe(extracted, sizeof(extracted));
}

bool digest_equal(const void *a, const void *b, size_t bytes)
{
    return CRYPTO_memcmp(a, b, bytes) == 0;
}

/* --- base64url -------------------------------------------------------------------------------- */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t digest_base64(const void *bytes, size_t count, char *out)
{
    const uint8_t *in = bytes;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6)
            out[len++] = letters[bits >> (held - 6) & 63];
    }
    if (held)
        out[len++] = letters[bits << (6 - held) & 63];
    return len;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

int digest_unbase64(struct slice text, void *out, size_t size)
{
    uint8_t *to = out;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t len = 0;
    if (text.len % 4 == 1 || text.len > 2 * size + 2)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.data[i]);
        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        if (len == size)
            return -1;
        to[len++] = (uint8_t)(bits >> held);
    }
    /* Two spellings of the same bytes would be two names for one thing. */
    return bits & ((1u << held) - 1) ? -1 : (int)len;
}
