/* X-Cong-Identity: tells a backend who asks, as a JSON Web Token (RFC 7519) signed with HMAC-SHA256
 * (RFC 7518 3.2) under the key of that upstream alone, so that no backend can make one for
 * another. */
#ifndef PIPELINE_IDENTITY_TOKEN_H
#define PIPELINE_IDENTITY_TOKEN_H

#include "config/config_route.h"
#include "store/sessions.h"

#define IDENTITY_TOKEN_SECONDS 60

/* A token good for a minute from `wall_ms` on; data is NULL when memory is out. */
struct slice identity_token_make(struct arena *arena, const struct config_upstream *upstream,
                                 const struct session *session,
                                 const uint8_t hash[SESSION_HASH_BYTES],
                                 uint64_t wall_ms) MUST_CHECK;

#endif
