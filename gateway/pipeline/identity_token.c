#include "pipeline/identity_token.h"

#include "common/digest.h"
#include "common/json.h"
#include "common/mem.h"

#define TOKENS 1024
#define CLAIMS_BYTES_MAX 480
#define TOKEN_BYTES_MAX 768

/* {"alg":"HS256","typ":"JWT"} and a dot */
#define HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

_Static_assert(sizeof(HEADER) + DIGEST_BASE64_LEN(CLAIMS_BYTES_MAX) + 1 +
                       DIGEST_BASE64_LEN(DIGEST_BYTES) <=
                   TOKEN_BYTES_MAX,
               "a token has room");

struct identity_token {
    const struct config_upstream *upstream; /* borrowed: until the tokens are cleared */
    uint8_t hash[SESSION_HASH_BYTES];
    uint32_t revision;
    uint64_t made_s;
    size_t len; /* 0: none */
    char text[TOKEN_BYTES_MAX];
};

void identity_tokens_clear(struct identity_tokens *tokens)
{
    if (tokens->items)
        mem_wipe(tokens->items, TOKENS * sizeof(*tokens->items));
    mem_free(tokens->items);
    tokens->items = NULL;
}

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

static size_t write_token(char text[TOKEN_BYTES_MAX], const struct slice key, struct slice claims)
{
    uint8_t mac[DIGEST_BYTES];
    size_t len = sizeof(HEADER) - 1;
    memcpy(text, HEADER, len);
    len += digest_base64(claims.data, claims.len, text + len);
    struct slice part = slice_of(text, len);
    digest_hmac_any(key, &part, 1, mac);
    text[len++] = '.';
    return len + digest_base64(mac, sizeof(mac), text + len);
}

static void make(struct identity_token *t, const struct config_upstream *upstream,
                 const struct session *session, const uint8_t hash[SESSION_HASH_BYTES],
                 uint64_t now_s)
{
    char room[CLAIMS_BYTES_MAX];
    struct buf claims = { .data = room, .size = sizeof(room), .cap = sizeof(room) };
    write_claims(&claims, upstream, session, hash, now_s);
    t->len = 0;
    if (!buf_ok(&claims))
        return;
    t->upstream = upstream;
    memcpy(t->hash, hash, SESSION_HASH_BYTES);
    t->revision = session->revision;
    t->made_s = now_s;
    t->len = write_token(t->text, upstream->identity_key.data, buf_slice(&claims));
}

static bool is_good(const struct identity_token *t, const struct config_upstream *upstream,
                    const struct session *session, const uint8_t hash[SESSION_HASH_BYTES],
                    uint64_t now_s)
{
    return t->len && t->upstream == upstream && t->revision == session->revision &&
           now_s >= t->made_s && now_s - t->made_s < IDENTITY_TOKEN_AGAIN_SECONDS &&
           memcmp(t->hash, hash, SESSION_HASH_BYTES) == 0;
}

struct slice identity_token_get(struct identity_tokens *tokens, struct arena *arena,
                                const struct config_upstream *upstream,
                                const struct session *session,
                                const uint8_t hash[SESSION_HASH_BYTES], uint64_t wall_ms)
{
    uint64_t now_s = wall_ms / 1000;
    uint32_t place;
    memcpy(&place, hash, sizeof(place));
    if (!tokens->items)
        tokens->items = mem_new_array(TOKENS, sizeof(*tokens->items));
    struct identity_token *t = &tokens->items[place % TOKENS];
    if (!is_good(t, upstream, session, hash, now_s))
        make(t, upstream, session, hash, now_s);
    if (t->len == 0)
        return (struct slice){ 0 };
    return arena_copy(arena, slice_of(t->text, t->len));
}
