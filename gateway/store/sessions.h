/* Sessions: who a signed-in client is, known by the hash of a secret id that its cookie carries.
 *
 * Embedded, the node's memory is the truth. With Redis it is a cache (a copy is trusted for
 * `sessions.cache`, give or take a fifth, while invalidations arrive; 2 s when they do not), filled
 * by whoever misses first: a placeholder makes the others wait for that answer, on this worker or
 * another, and an invalidation that arrives meanwhile makes the answer not be kept. Ids that do not
 * exist are remembered for 2 s. While Redis is away copies go on being good, for as long as they
 * would be trusted, but for who wants a fresh one. */
#ifndef STORE_SESSIONS_H
#define STORE_SESSIONS_H

#include "store/store.h"

#define SESSION_HASH_BYTES 16 /* half a keyed digest of the id (pipeline/session_id.h) */
#define SESSION_UID_MAX 64
#define SESSION_ROLES_MAX 128
#define SESSION_ALIAS_MS 10000 /* how long an id that was rotated leads to its successor */
#define SESSION_HOPS_MAX 8     /* rotations that are followed to the session that is to end */

struct session {
    char uid[SESSION_UID_MAX + 1];     /* no spaces */
    char roles[SESSION_ROLES_MAX + 1]; /* separated by spaces */
    uint8_t level;                     /* how surely we know who it is; the backends' scale */
    uint32_t revision;                 /* moves on with every change */
    uint64_t created_ms;               /* wall clock */
    uint64_t absolute_ms;              /* ends then, however busy */
    uint64_t affinity;                 /* random; stays when the id is rotated */
    uint64_t user_stamp; /* the store's: which of the user's sessions this counts to */
};

enum session_status {
    SESSION_FOUND,
    SESSION_NONE,        /* there is no such session */
    SESSION_MOVED,       /* somebody else has rotated it meanwhile: it has another id already */
    SESSION_UNAVAILABLE, /* Redis is away and the node does not know it: neither yes nor no */
};

struct session_op {
    struct store_op op;
    uint8_t hash[SESSION_HASH_BYTES];      /* in; find() follows an id that was rotated */
    uint8_t successor[SESSION_HASH_BYTES]; /* in: of sessions_rotate() */
    uint32_t fresh_ms;          /* in: a cached copy older than this does not do; 0: any does */
    const char *uid;            /* in: of sessions_drop_user(); as long as the operation */
    struct session session;     /* in of create and rotate, out of find */
    enum session_status status; /* out */
    /* The engine's: */
    struct store *store;
    struct list node; /* while pending */
    struct timer timer;
    void (*step)(struct session_op *op, const struct redisReply *reply);
    uint64_t begun_ms;
    uint32_t cursor, hops, fetch;
    bool is_drop, is_owed, is_left, has_missed;
};

/* One worker's part in it; the store owns it. */
struct sessions;
struct sessions *sessions_new(struct store *s);
/* Pending operations end without their callback. NULL-safe; *pointer is NULL after. */
void sessions_free(struct sessions **pointer);

/* Finds it, and moves its idle lifetime on. */
enum store_result sessions_find(struct store *s, struct session_op *op);
/* status is FOUND when it has been stored; sets the lifetimes and the affinity. */
enum store_result sessions_create(struct store *s, struct session_op *op);
/* `session` under the successor's hash; the old one leads to the same session for 10 s. NONE or
 * MOVED, and nothing has changed, when it is not what was found any more. */
enum store_result sessions_rotate(struct store *s, struct session_op *op);
/* Also what it has become by rotations. On every node at once; here at once, and elsewhere when
 * Redis is back, while it is away. status is NONE when that is sure. Who cancels it waits no more;
 * it comes to its end all the same. */
enum store_result sessions_drop(struct store *s, struct session_op *op);
enum store_result sessions_drop_user(struct store *s, struct session_op *op);

#endif
