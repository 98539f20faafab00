/* The sessions in the node's memory, as workers and the keeper handle them. Embedded, these are all
 * there are; with Redis, copies. A table whose stripe cannot be had in time is gone on without. */
#ifndef STORE_SESSION_CACHE_H
#define STORE_SESSION_CACHE_H

#include "store/session_record.h"
#include "store/shm_table.h"

/* What is known of a session. An alias is followed: `hash` is then its successor's. Only of a LIVE
 * one is there a `session`. */
struct session_copy {
    enum session_kind kind; /* never ALIAS nor OWED, which counts as ABSENT */
    uint8_t hash[SESSION_HASH_BYTES];
    uint64_t confirmed_ms;
    bool fetching; /* somebody is asking Redis about it */
    struct session session;
};

/* Moves the idle lifetime of a live one on. ERR_LIMIT when the table cannot be had: NOTHING. */
int session_cache_look(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                       uint32_t idle_ms, struct session_copy *copy) MUST_CHECK;

/* Each returns false when the table cannot be had, or has no room. */
bool session_cache_put(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                       uint32_t idle_ms, const struct session *s) MUST_CHECK;
bool session_cache_forget(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES]) MUST_CHECK;
/* As sessions_rotate(); UNAVAILABLE when it cannot be done. */
enum session_status session_cache_rotate(struct shm_table *t,
                                         const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                                         uint32_t idle_ms,
                                         const uint8_t successor[SESSION_HASH_BYTES],
                                         const struct session *s) MUST_CHECK;
/* Forgets what the hash, which may have been rotated, leads to. */
bool session_cache_end(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES],
                       uint64_t now_ms) MUST_CHECK;
/* The same, ended while Redis is away: the keeper tells it, until `until_ms`. */
bool session_cache_owe(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms,
                       uint64_t until_ms) MUST_CHECK;
/* Redis has heard of what the record of that kind said. */
void session_cache_told(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES],
                        enum session_kind kind, uint64_t seen_ms);
/* Out of the shared memory: its texts end where they must. */
void session_cache_copy(struct session *out, const struct session *in);
/* All sessions of `uid`, and placeholders, which might become such, in the next buckets from
 * *cursor on; it is 0 again when all have been visited. With owed_until_ms they are owed until
 * then, without it (0) forgotten. False when one may have been missed: buckets could not be had, or
 * a session was rotated, perhaps to where the walk had been. Then it has to be gone once more. */
bool session_cache_forget_user(struct shm_table *t, const char *uid, uint64_t now_ms,
                               uint64_t owed_until_ms, uint32_t *cursor,
                               uint32_t buckets) MUST_CHECK;
/* The same for all that other nodes hold, in STORE_USERS. */
bool session_cache_owe_user(struct shm_table *users, const char *uid, uint64_t stamp,
                            uint64_t now_ms, uint64_t until_ms) MUST_CHECK;
void session_cache_user_told(struct shm_table *users, const uint8_t user_hash[SESSION_HASH_BYTES],
                             uint64_t stamp);

/* ---- one question to Redis at a time (single flight) ---- */

enum session_claim {
    SESSION_CLAIM_OURS,
    SESSION_CLAIM_TAKEN, /* somebody else has asked: the answer will lie here */
    SESSION_CLAIM_NONE,  /* the table cannot be had: ask, and do not keep the answer */
};

/* Notes that `number` (not 0) asks, until `until_ms`. */
enum session_claim session_cache_claim(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES],
                                       uint32_t number, uint64_t now_ms, uint64_t until_ms);

/* Redis's answer. */
struct session_answer {
    enum session_kind kind; /* LIVE, ALIAS or ABSENT; NOTHING gives the claim back unanswered */
    uint8_t successor[SESSION_HASH_BYTES];
    uint64_t asked_ms; /* what it says was true then */
    struct session session;
};

/* Keeps the answer, unless the record went meanwhile: then somebody said that it has changed, and
 * false is returned. */
bool session_cache_fill(struct shm_table *t, const uint8_t hash[SESSION_HASH_BYTES],
                        uint32_t number, uint64_t now_ms, uint32_t idle_ms,
                        const struct session_answer *answer) MUST_CHECK;

#endif
