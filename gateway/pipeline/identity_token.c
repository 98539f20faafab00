#include "pipeline/identity_token.h"

#include "common/digest.h"
#include "common/json.h"

#define CLAIMS_BYTES_MAX 1024
#define TOKEN_BYTES_MAX 2048

/* {"alg":"HS256","typ":"JWT"} and a dot */
#define HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

static void write_claims(struct buf *out, const struct config_upstream *upstream,
                         const struct session *session, const uint8_t hash[SESSION_HASH_BYTES],
                         uint64_t now_s)
{
    char sid[DIGEST_BASE64_LEN(SESSION_HASH_BYTES)];
    struct json json;
    json_init(&json, out);
    json_object(&json, NULL);
    json_string(&json, "iss", SLICE("cong"));
    json_string(&json, "aud", slice_str(upstream->name));
    json_string(&json, "sub", slice_str(session->uid));
    json_string(&json, "sid", slice_of(sid, digest_base64(hash, SESSION_HASH_BYTES, sid)));
    json_u64(&json, "level", session->level);
    json_string(&json, "roles", slice_str(session->roles));
    json_u64(&json, "iat", now_s);
    json_u64(&json, "exp", now_s + IDENTITY_TOKEN_SECONDS);
    json_end_object(&json);
}

struct slice identity_token_make(struct arena *arena, const struct config_upstream *upstream,
                                 const struct session *session,
                                 const uint8_t hash[SESSION_HASH_BYTES], uint64_t wall_ms)
{
    char claims_text[CLAIMS_BYTES_MAX];
    struct buf claims = { .data = claims_text,
                          .size = sizeof(claims_text),
                          .cap = sizeof(claims_text) };
    uint8_t mac[DIGEST_BYTES];
    write_claims(&claims, upstream, session, hash, wall_ms / 1000);
    char *token = buf_ok(&claims) ? arena_alloc(arena, TOKEN_BYTES_MAX) : NULL;
    if (!token)
        return (struct slice){ 0 };
    size_t len = sizeof(HEADER) - 1;
    memcpy(token, HEADER, len);
    len += digest_base64(claims.data, claims.len, token + len);
    struct slice part = slice_of(token, len);
    digest_hmac_any(upstream->identity_key.data, &part, 1, mac);
    token[len++] = '.';
    len += digest_base64(mac, sizeof(mac), token + len);
    return slice_of(token, len);
}
