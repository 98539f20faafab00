/* What tells one submission from another: the client's Idempotency-Key
 * (draft-ietf-httpapi-idempotency-key-header), or a form key, which the gateway makes and signs.
 *
 * A form key carries the time when it was made. It is good for as long as an answer is kept: then
 * no key is ever valid whose record has been forgotten. */
#ifndef PIPELINE_SUBMISSION_KEY_H
#define PIPELINE_SUBMISSION_KEY_H

#include "common/digest.h"
#include "http/headers.h"

#define SUBMISSION_KEY_MAX 255
/* Keys of those who are not signed in are in one heap: these have to be random. An address or a
 * token would tell people apart, but change between two attempts of one, who would file twice. */
#define SUBMISSION_KEY_ANONYMOUS_MIN 16
#define SUBMISSION_FORM_KEY_LEN DIGEST_BASE64_LEN(32)

enum submission_key_status {
    SUBMISSION_KEY_MISSING,
    SUBMISSION_KEY_GOOD,
    SUBMISSION_KEY_BAD,
};

/* Printable ASCII without spaces, or a quoted string of RFC 8941; given twice it is bad. *key is
 * without quotes and borrowed from the field. */
enum submission_key_status submission_key_of_header(const struct headers *hs, struct slice *key);

/* `secret` is the store's. Not terminated. */
void submission_key_make(const uint8_t secret[32], uint64_t wall_ms,
                         char out[SUBMISSION_FORM_KEY_LEN]);
/* Whether we made it, at most `age_ms` ago. */
bool submission_key_is_ours(const uint8_t secret[32], struct slice key, uint64_t wall_ms,
                            uint64_t age_ms);

/* What the store knows it by. */
void submission_key_hash(struct slice user, struct slice route, struct slice key,
                         uint8_t out[DIGEST_BYTES]);

/* The token of a status page: the key's hash, signed. Returns false when it is not ours. */
#define SUBMISSION_TOKEN_LEN DIGEST_BASE64_LEN(48)
void submission_key_make_token(const uint8_t secret[32], const uint8_t hash[DIGEST_BYTES],
                               char out[SUBMISSION_TOKEN_LEN]);
bool submission_key_read_token(const uint8_t secret[32], struct slice token,
                               uint8_t hash[DIGEST_BYTES]);

#endif
