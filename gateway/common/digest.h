/* Hashes, codes and keys for what the gateway signs: SHA-256, HMAC-SHA256 (RFC 2104), HKDF-SHA256
 * (RFC 5869) and base64url without padding (RFC 4648 5). OpenSSL does the work; none of these can
 * fail but by lack of memory, which aborts. */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include "common/base.h"
#include "common/slice.h"

#define DIGEST_BYTES 32

/* Of all parts, one after the other. */
void digest_sha256(const struct slice *parts, size_t count, uint8_t out[DIGEST_BYTES]);
void digest_hmac(const uint8_t key[DIGEST_BYTES], const struct slice *parts, size_t count,
                 uint8_t out[DIGEST_BYTES]);
/* For keys that others chose, of any length. */
void digest_hmac_any(struct slice key, const struct slice *parts, size_t count,
                     uint8_t out[DIGEST_BYTES]);
/* A key for one purpose, made of `master`: `label` names the purpose, `number` its period. */
void digest_derive(struct slice master, const char *label, uint64_t number,
                   uint8_t out[DIGEST_BYTES]);

/* In constant time. */
bool digest_equal(const void *a, const void *b, size_t bytes);

#define DIGEST_BASE64_LEN(bytes) (((bytes)*4 + 2) / 3)
/* Returns the length; `out` holds DIGEST_BASE64_LEN(bytes) and is not terminated. */
size_t digest_base64(const void *bytes, size_t count, char *out);
/* Returns how many bytes were decoded, or -1: not base64url, not canonical, or more than `size`. */
int digest_unbase64(struct slice text, void *out, size_t size);

#endif
