/* A session as it lies in the node's memory, and as Redis keeps it.
 *
 * In Redis, under "cong:{s:<hash>}", one line of text:
 *   L level revision created absolute affinity stamp uid roles...   a live session
 *   A until successor                                               its id was rotated
 *   X                                                               it was ended
 * The latter two stay until the session would have ended at the latest: a node that has missed the
 * news finds them, and does not take the session for one that Redis has lost.
 * Under "cong:{u:<hash of uid>}", a random stamp, when all sessions of a user were ended: sessions
 * that do not carry the same stamp, made before, are over. Nobody has to know them all. */
#ifndef STORE_SESSION_RECORD_H
#define STORE_SESSION_RECORD_H

#include "store/sessions.h"

enum session_kind {
    SESSION_KIND_NOTHING, /* not held */
    SESSION_KIND_LIVE,
    SESSION_KIND_ALIAS,   /* leads to its successor */
    SESSION_KIND_ABSENT,  /* known not to exist */
    SESSION_KIND_PENDING, /* somebody is asking Redis */
    SESSION_KIND_OWED,    /* ended while Redis was away, which has to be told */
};

/* Of shm_table STORE_SESSIONS, under the session's hash. */
struct session_record {
    uint8_t kind;   /* enum session_kind */
    uint32_t fetch; /* of whoever asks Redis about it; 0: nobody */
    uint64_t fetch_until_ms;
    uint64_t confirmed_ms; /* when Redis was asked last */
    uint64_t seen_ms;      /* used last */
    uint64_t told_ms;      /* `seen_ms` when Redis last heard of it */
    uint8_t successor[SESSION_HASH_BYTES];
    struct session session;
};

/* Of shm_table STORE_USERS, under the hash of a uid: all sessions of that user were ended while
 * Redis was away, which has to be told. */
struct session_user_record {
    uint64_t stamp;
};

static inline struct siphash session_record_key(const uint8_t hash[SESSION_HASH_BYTES])
{
    struct siphash key;
    memcpy(&key, hash, sizeof(key)); /* a keyed digest already */
    return key;
}

/* When it ends if nobody uses it any more. */
uint64_t session_record_end(const struct session *s, uint64_t seen_ms, uint32_t idle_ms);

#define SESSION_TEXT_MAX 352
#define SESSION_KEY_MAX 48

struct slice session_record_name(const uint8_t hash[SESSION_HASH_BYTES], char out[SESSION_KEY_MAX]);
void session_record_user_hash(const char *uid, uint8_t hash[SESSION_HASH_BYTES]);
struct slice session_record_user_name(const uint8_t user_hash[SESSION_HASH_BYTES],
                                      char out[SESSION_KEY_MAX]);
/* "X" is for ended ones: it needs no function. */
struct slice session_record_write(const struct session *s, char out[SESSION_TEXT_MAX]);
struct slice session_record_write_alias(const uint8_t successor[SESSION_HASH_BYTES],
                                        uint64_t until_ms, char out[SESSION_TEXT_MAX]);
/* The kind that it is; NOTHING when it is none of ours. LIVE sets *s; ALIAS, which is ABSENT when
 * its time is over, the successor. */
enum session_kind session_record_read(struct slice text, uint64_t now_ms, struct session *s,
                                      uint8_t successor[SESSION_HASH_BYTES]);

/* What a uid (no spaces) and roles consist of: ASCII that needs no escapes anywhere. */
bool session_record_is_words(struct slice s, bool may_have_spaces);

#define SESSION_HEX_LEN (2 * SESSION_HASH_BYTES)
void session_record_hex(const uint8_t hash[SESSION_HASH_BYTES], char out[SESSION_HEX_LEN]);
bool session_record_unhex(struct slice text, uint8_t hash[SESSION_HASH_BYTES]);

#endif
