/* The arithmetic of rate limits: GCRA, the generic cell rate algorithm of ITU-T I.371, as a virtual
 * schedule. One number a key, the time at which its bucket will be empty of debt again (the
 * theoretical arrival time), says how much has been used:
 *
 *   T = period / limit, tau = T * burst;  tat = max(now, tat);  one more if tat + T - now <= tau
 *
 * In any stretch of time at most burst + stretch / T are let through. Times are nanoseconds of one
 * clock; a tat beyond what the parameters can make (they have changed since) counts as nothing
 * left.
 */
#ifndef STORE_GCRA_H
#define STORE_GCRA_H

#include "common/base.h"

struct gcra {
    uint64_t interval_ns;  /* T; rounded up, so that never more than `limit` pass in a period */
    uint64_t tolerance_ns; /* tau */
};

/* One of `parts` equal shares of a limit; its burst is at least 1. All are at least 1. */
struct gcra gcra_share(uint32_t limit, uint32_t period_ms, uint32_t burst, uint32_t parts);

/* How many more are allowed now. */
uint32_t gcra_room(const struct gcra *g, uint64_t tat_ns, uint64_t now_ns);
/* Takes `count`; false, and *tat_ns is as it was, when there is no room for them. */
bool gcra_take(const struct gcra *g, uint64_t *tat_ns, uint64_t now_ns, uint32_t count);
/* Takes `count` or, where there is less room, all there is. */
void gcra_drain(const struct gcra *g, uint64_t *tat_ns, uint64_t now_ns, uint32_t count);
/* Gives one back. */
void gcra_return(const struct gcra *g, uint64_t *tat_ns);

/* Until one more is allowed; 0: now. */
uint64_t gcra_retry_ns(const struct gcra *g, uint64_t tat_ns, uint64_t now_ns);
/* Until all of the burst is. */
uint64_t gcra_reset_ns(const struct gcra *g, uint64_t tat_ns, uint64_t now_ns);

#endif
