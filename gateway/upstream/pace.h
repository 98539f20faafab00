/* How late the answers of one route usually are, in one worker, and whether one is slow for it.
 *
 * Procedures that take 20 ms and reports that take 3 s are served by the same upstream: a common
 * measure would call all reports slow, or no page. So each answer is compared with its own route's
 * pace, the time that one in ten takes longer than; only how many are slow is told to others.
 *
 * The pace begins with the latest of the first answers. It follows what comes, slowly upwards (in
 * some ten minutes, so that trouble does not become usual) and quickly down. */
#ifndef UPSTREAM_PACE_H
#define UPSTREAM_PACE_H

#include "common/base.h"

#define PACE_LEARNT_FROM 16 /* answers, which are not judged */
#define PACE_SAMPLES 20     /* and so many say whether it has changed */
#define PACE_SLOW_TIMES 3

/* Zeroed has yet to learn. */
struct pace {
    uint64_t usual_us;
    uint64_t second;
    uint32_t learnt;
    uint32_t answers, later; /* of these, than usual; since it was last adjusted */
};

/* Whether whoever has waited so long waits for a slow answer. Nobody does before it has learnt. */
bool pace_is_overdue(const struct pace *p, uint64_t waited_us, uint64_t tolerated_us);

/* Takes an answer into account, and says whether it was slow: later than PACE_SLOW_TIMES the usual
 * time, and than `tolerated_us`. */
bool pace_is_slow(struct pace *p, uint64_t took_us, uint64_t tolerated_us, uint64_t second);

#endif
