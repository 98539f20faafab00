/* X-Cong-Identity: tells a backend who asks, as a JSON Web Token (RFC 7519) signed with HMAC-SHA256
 * (RFC 7518 3.2) under the key of that upstream alone, so that no backend can make one for
 * another. A token is good for a minute, and used again for a third of it: a page and what belongs
 * to it come together, and signing costs more than all else that a session does. */
#ifndef PIPELINE_IDENTITY_TOKEN_H
#define PIPELINE_IDENTITY_TOKEN_H

#include "config/config_route.h"
#include "store/sessions.h"

#define IDENTITY_TOKEN_SECONDS 60
#define IDENTITY_TOKEN_AGAIN_SECONDS 20

/* The tokens made lately by one worker. Zero-initialised is empty. */
struct identity_tokens {
    struct identity_token *items; /* owned; made when the first is */
};

/* Also before another configuration is used: what is kept refers to its upstreams. */
void identity_tokens_clear(struct identity_tokens *tokens);

/* In the arena; data is NULL when memory is out, or the session's texts, which come out of memory
 * that all workers write, are none of ours and too long for a token when they are escaped. */
struct slice identity_token_get(struct identity_tokens *tokens, struct arena *arena,
                                const struct config_upstream *upstream,
                                const struct session *session,
                                const uint8_t hash[SESSION_HASH_BYTES],
                                uint64_t wall_ms) MUST_CHECK;

#endif
