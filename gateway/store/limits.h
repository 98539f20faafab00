/* Rate limits: GCRA (the generic cell rate algorithm of ITU-T I.371, as a virtual scheduling
 * queue), one record of shared memory a key.
 *
 *   T = period / limit, tau = T * burst;  tat = max(now, tat);  allowed if tat + T - now <= tau
 *
 * Embedded, and in mode `local` with Redis (limit / live nodes), the decision is exact and takes no
 * message. In mode `lease` each node spends what the keeper has fetched for the key from Redis
 * (limits_keeper.h); in mode `strict` each request asks Redis. Whenever Redis is away all modes are
 * `local`: limited, never unlimited. */
#ifndef STORE_LIMITS_H
#define STORE_LIMITS_H

#include "config/config_limit.h"
#include "store/store.h"

struct limit_op {
    struct store_op op;
    const struct config_rate_limit *limit; /* in */
    struct slice key;                      /* in: what is limited, as bytes; in the caller's memory */
    bool allowed;                          /* out */
    uint32_t remaining;                    /* out: how many more would be allowed now */
    uint64_t retry_ms;                     /* out: when the next one may be allowed; 0: now */
    uint64_t reset_ms;                     /* out: until all of the burst is there again */
};

enum store_result limits_take(struct store *s, struct limit_op *op);

#endif
