/* Rate limits: GCRA (gcra.h), one record of shared memory a key.
 *
 * Embedded, the decision is exact and takes no message. With Redis, `local` gives each node its
 * part of the limit; in `lease` nodes spend shares that they fetch from Redis (limit_lease.h); in
 * `strict` each request asks Redis, but for those that it has just said it would refuse. Whenever
 * Redis is away or silent all modes are `local`, strict at half: limited, never unlimited.
 *
 * Where a record cannot be had, because a process that holds its lock has been stopped, the request
 * is let through. */
#ifndef STORE_LIMITS_H
#define STORE_LIMITS_H

#include "config/config_limit.h"
#include "store/limit_lease.h"
#include "store/store.h"

/* Who decided, for whoever takes it back. */
enum limit_source { LIMIT_BY_NOBODY, LIMIT_BY_NODE, LIMIT_BY_LEASE, LIMIT_BY_REDIS };

struct limit_op {
    struct store_op op;
    const struct config_rate_limit *limit; /* in; borrowed until it is done */
    struct slice key;                      /* in: what is limited, as bytes; data NULL: digest is */
    struct siphash
        digest;         /* in: what is limited, as a digest under a secret, the same on all nodes */
    bool allowed;       /* out */
    uint32_t remaining; /* out: how many more would be allowed now */
    uint64_t retry_ms;  /* out: when the next one may be allowed; 0: now */
    uint64_t reset_ms;  /* out: until all of the burst is there again */
    /* Its own: */
    struct store *store; /* borrowed */
    struct siphash place;
    enum limit_source source;
    enum limit_lease_verdict verdict; /* LIMIT_BY_LEASE */
};

enum store_result limits_take(struct store *s, struct limit_op *op);
/* An operation that was allowed will not be made use of: others may. */
void limits_return(struct limit_op *op);

/* ---- for store.c ---- */

struct limits;

struct limits *limits_new(struct store *s);
/* The store's configuration or secret is another one. */
void limits_apply(struct limits *l);
/* Before the Redis client. NULL-safe; *l is NULL after. */
void limits_free(struct limits **l);

#endif
