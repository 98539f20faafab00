#include "pipeline/submission_key.h"

#include "common/mem.h"
#include "common/random.h"

#define MAC_BYTES 16

/* ---- Idempotency-Key ---- */

static bool is_key(struct slice key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.data[i] <= ' ' || key.data[i] > '~' || key.data[i] == '"' || key.data[i] == '\\')
            return false;
    return key.len > 0 && key.len <= SUBMISSION_KEY_MAX;
}

enum submission_key_status submission_key_of_header(const struct headers *hs, struct slice *key)
{
    const struct header *found = NULL;
    for (uint32_t i = 0; i < hs->count; i++) {
        if (hs->items[i].id != HEADER_IDEMPOTENCY_KEY)
            continue;
        if (found)
            return SUBMISSION_KEY_BAD;
        found = &hs->items[i];
    }
    if (!found)
        return SUBMISSION_KEY_MISSING;
    *key = slice_trim(header_value(found));
    if (key->len >= 2 && key->data[0] == '"' && key->data[key->len - 1] == '"')
        *key = slice_of(key->data + 1, key->len - 2);
    return is_key(*key) ? SUBMISSION_KEY_GOOD : SUBMISSION_KEY_BAD;
}

/* ---- what the gateway signs ---- */

static struct slice bytes_of(const void *data, size_t len)
{
    return slice_of(data, len);
}

static void sign(const uint8_t secret[32], const char *purpose, struct slice data,
                 uint8_t mac[MAC_BYTES])
{
    uint8_t key[DIGEST_BYTES], whole[DIGEST_BYTES];
    digest_derive(bytes_of(secret, 32), purpose, 0, key);
    digest_hmac(key, &data, 1, whole);
    memcpy(mac, whole, MAC_BYTES);
    mem_wipe(key, sizeof(key));
}

static bool is_signed(const uint8_t secret[32], const char *purpose, struct slice data,
                      const uint8_t mac[MAC_BYTES])
{
    uint8_t expected[MAC_BYTES];
    sign(secret, purpose, data, expected);
    return digest_equal(expected, mac, MAC_BYTES);
}

static const char form_purpose[] = "submission form key";
static const char token_purpose[] = "submission status token";

struct form_key {
    uint8_t made_s[4]; /* big-endian */
    uint8_t random[12];
    uint8_t mac[MAC_BYTES];
};
_Static_assert(sizeof(struct form_key) == 32, "has a hole");

static struct slice signed_part(const struct form_key *k)
{
    return bytes_of(k, offsetof(struct form_key, mac));
}

void submission_key_make(const uint8_t secret[32], uint64_t wall_ms,
                         char out[SUBMISSION_FORM_KEY_LEN])
{
    struct form_key k;
    uint32_t made_s = (uint32_t)(wall_ms / 1000);
    for (unsigned i = 0; i < 4; i++)
        k.made_s[i] = (uint8_t)(made_s >> (24 - 8 * i));
    random_bytes(k.random, sizeof(k.random));
    sign(secret, form_purpose, signed_part(&k), k.mac);
    digest_base64(&k, sizeof(k), out);
}

bool submission_key_is_ours(const uint8_t secret[32], struct slice key, uint64_t wall_ms,
                            uint64_t age_ms)
{
    struct form_key k;
    if (digest_unbase64(key, &k, sizeof(k)) != (int)sizeof(k) ||
        !is_signed(secret, form_purpose, signed_part(&k), k.mac))
        return false;
    uint64_t made_ms = 0;
    for (unsigned i = 0; i < 4; i++)
        made_ms = made_ms << 8 | k.made_s[i];
    made_ms *= 1000;
    return wall_ms < made_ms + age_ms;
}

void submission_key_hash(struct slice user, struct slice route, struct slice key,
                         uint8_t out[DIGEST_BYTES])
{
    struct slice end = slice_of("", 1); /* none of them has it inside */
    const struct slice parts[] = { user, end, route, end, key };
    digest_sha256(parts, ARRAY_LEN(parts), out);
}

void submission_key_make_token(const uint8_t secret[32], const uint8_t hash[DIGEST_BYTES],
                               char out[SUBMISSION_TOKEN_LEN])
{
    uint8_t token[DIGEST_BYTES + MAC_BYTES];
    memcpy(token, hash, DIGEST_BYTES);
    sign(secret, token_purpose, bytes_of(hash, DIGEST_BYTES), token + DIGEST_BYTES);
    digest_base64(token, sizeof(token), out);
}

bool submission_key_read_token(const uint8_t secret[32], struct slice text,
                               uint8_t hash[DIGEST_BYTES])
{
    uint8_t token[DIGEST_BYTES + MAC_BYTES];
    if (digest_unbase64(text, token, sizeof(token)) != (int)sizeof(token))
        return false;
    memcpy(hash, token, DIGEST_BYTES);
    return is_signed(secret, token_purpose, bytes_of(hash, DIGEST_BYTES), token + DIGEST_BYTES);
}
