/* The ids of sessions, as cookies carry them: "<day>.<id>.<mac>", base64url.
 *
 * `id` is 128 random bits; `day` says which day's key signed them, and the key comes from the
 * store's secret, so that every node knows an id that any of them has minted. An id that does not
 * carry our signature is nobody's, and never costs a look-up. What the stores know a session by is
 * made with the same keyed hash, so that neither memory nor Redis tells what a cookie must hold. */
#ifndef PIPELINE_SESSION_ID_H
#define PIPELINE_SESSION_ID_H

#include "common/slice.h"
#include "store/sessions.h"

#define SESSION_ID_TEXT_MAX 72
#define SESSION_ID_DAYS_MAX 32 /* for how many days a key can be good */

struct session_seen;

/* The days' keys, made when they are first needed, and the ids that were found good lately, for a
 * digest costs as much as a tenth of a request. */
struct session_keys {
    uint8_t secret[32];
    uint64_t days;             /* how old a day may be */
    struct session_seen *seen; /* owned; made when the first good one comes */
    struct {
        uint64_t day; /* 0: not made */
        uint8_t key[32];
    } made[SESSION_ID_DAYS_MAX];
};

/* Ids are good for `lifetime_ms`, rounded up to days. Whoever changes the secret begins anew. */
void session_keys_init(struct session_keys *k, const uint8_t secret[32], uint64_t lifetime_ms);
void session_keys_fini(struct session_keys *k);

/* A new id: its text (returns the length) and what the stores know it by. */
size_t session_id_mint(struct session_keys *k, uint64_t wall_ms, char text[SESSION_ID_TEXT_MAX],
                       uint8_t hash[SESSION_HASH_BYTES]);
/* Whether `text` carries our signature; then `hash` is set. */
bool session_id_check(struct session_keys *k, struct slice text, uint64_t wall_ms,
                      uint8_t hash[SESSION_HASH_BYTES]);

#endif
