/* The memory that holds the node's share of the state: sessions, limits and submissions of all
 * workers, in one file of the runtime folder.
 *
 * The supervisor opens it before it drops anything, and hands the descriptor to its children. The
 * file outlives the supervisor: the next one attaches it again, when it has the same layout and no
 * process of the former gateway is left (an flock that all of them hold, as long as they have the
 * memory, says so). Otherwise it begins anew. It does not outlive the machine: what must is in the
 * journal (submission_journal.h). All of its memory is taken at once, so that no process is killed
 * later because a small tmpfs is full.
 *
 * What is found here may have been written by a compromised worker: it holds no pointers, and
 * readers bound every index and length themselves. */
#ifndef STORE_STORE_REGION_H
#define STORE_STORE_REGION_H

#include "common/siphash.h"
#include "config/config_store.h"
#include "store/shm_table.h"

#include <stdatomic.h>

enum store_table {
    STORE_SESSIONS,
    STORE_USERS,
    STORE_LIMITS,
    STORE_SUBMISSIONS,
    STORE_DISPATCHES,
    STORE_TABLES
};

enum store_mode {
    STORE_MODE_EMBEDDED, /* this node alone, by configuration */
    STORE_MODE_REDIS,    /* shared with other nodes */
    STORE_MODE_LOCAL,    /* Redis is away: this node's share, until it is back */
};

/* What a record of each table holds at most. */
#define STORE_SESSION_BYTES 288
#define STORE_USER_BYTES 8
#define STORE_LIMIT_BYTES 64
#define STORE_SUBMISSION_BYTES 192
#define STORE_DISPATCH_BYTES 256

#define STORE_WHY_BYTES 128

/* Words that every process of the node sees. Each has one writer. */
struct store_node {
    uint8_t secret[32];           /* made with the region; signs where no secret is configured */
    struct siphash_key table_key; /* made with the region */
    char name[16];                /* of this node among those that share a Redis; random */
    _Atomic uint32_t submissions_known;  /* the supervisor has read the journal back */
    _Atomic uint32_t dispatches_doubted; /* moves on when Redis may have lost some; everybody's */
    /* The keeper's: */
    _Atomic uint32_t mode;            /* enum store_mode */
    _Atomic uint32_t live_nodes;      /* that share the Redis, this one included; at least 1 */
    _Atomic uint64_t sessions_epoch;  /* moves on when cached sessions are to be looked up anew */
    _Atomic uint64_t heartbeat_ms;    /* wall clock: when invalidations were last known to arrive */
    _Atomic uint64_t redis_seen_ms;   /* wall clock: the last answer of Redis */
    _Atomic bool redis_may_evict;     /* keys, as far as it tells */
    _Atomic uint32_t dispatches_pass; /* the last in which Redis was asked about them */
    _Atomic uint64_t put_back;        /* dispatches that Redis had lost */
    _Atomic uint64_t sent_again;      /* the same, but too late */
    _Atomic uint64_t unlisted;        /* for which the list of them had no room */
    _Atomic uint32_t why_turn;        /* why[why_turn % 2] counts */
    char why[2][STORE_WHY_BYTES];     /* what keeps Redis away, for people */
};

struct store_region;

/* The supervisor's. NULL with a sentence in `e`. Waits up to 5 s for the processes of a gateway
 * that has just died. `anew`, if not NULL, tells whether the region began anew. */
struct store_region *store_region_open(const char *path, const struct config_store *config,
                                       bool *anew, struct err *e);
/* Whether `config` asks for other sizes than the region has. */
bool store_region_differs(const struct store_region *r, const struct config_store *config);
/* Whether it lies on a disk, whose delays everybody then shares, and not on a tmpfs. */
bool store_region_is_on_disk(const struct store_region *r);
/* The descriptor to hand to children; it belongs to the region. */
int store_region_fd(const struct store_region *r);
/* A child's: takes over `fd` and closes it, for who has it could truncate the file under the
 * others. */
struct store_region *store_region_attach(int fd, struct err *e);
/* NULL-safe; *r is NULL after. */
void store_region_free(struct store_region **r);

/* Of the thread that opened or attached the region. */
struct shm_table *store_region_table(const struct store_region *r, enum store_table which);
uint32_t store_region_capacity(const struct store_region *r, enum store_table which);
struct store_node *store_region_node(const struct store_region *r);
/* The keeper's. */
void store_region_set_why(struct store_region *r, const char *why);
/* A terminated copy without control characters. */
void store_region_why(const struct store_region *r, char out[STORE_WHY_BYTES]);

#endif
