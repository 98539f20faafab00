/* How many requests may be in flight at an upstream: additive increase, multiplicative decrease.
 * The keeper looks at what all workers have counted, about once a second.
 *
 * The limit begins at its maximum. A gateway is a client of its upstreams, one of several, and one
 * that has just started knows nothing against them; the maximum already bounds what a hung one can
 * take. From there a tenth is taken off for each second that was bad, and added again by its square
 * root, so that from the least to 256 takes half a minute. */
#ifndef UPSTREAM_ADAPTIVE_LIMIT_H
#define UPSTREAM_ADAPTIVE_LIMIT_H

#include "common/base.h"

#define ADAPTIVE_LIMIT_MIN 8u
#define ADAPTIVE_LIMIT_SAMPLES 50 /* fewer say nothing: the window goes on */
#define ADAPTIVE_LIMIT_WINDOW_MS 1000

/* What was counted: sums of all workers, which only grow. */
struct adaptive_counts {
    uint64_t answers, slow, failures, pressed;
};

struct adaptive_limit {
    double limit; /* 0: not begun */
    uint32_t max; /* as of the last look: who was there, goes along with it */
    uint64_t window_began_ms;
    struct adaptive_counts before; /* at the beginning of the window */
};

/* `in_flight` now. Returns the limit, at most `max`. */
uint32_t adaptive_limit_look(struct adaptive_limit *l, const struct adaptive_counts *now,
                             uint32_t in_flight, uint32_t max, uint64_t now_ms);

#endif
