/* How many requests to one upstream may be sent a second time, in one worker: a tenth of those that
 * were sent in the last ten seconds, and a few more, so that a seldom used upstream has some.
 * Without it a failing upstream would get twice the load, just when it cannot bear it. */
#ifndef UPSTREAM_RETRY_BUDGET_H
#define UPSTREAM_RETRY_BUDGET_H

#include "common/base.h"

#define RETRY_BUDGET_SECONDS 10
#define RETRY_BUDGET_SHARE 10 /* one retry for so many requests */

/* Zeroed is empty. */
struct retry_budget {
    uint64_t second; /* the one that is being counted */
    struct {
        uint32_t requests, retries;
    } seconds[RETRY_BUDGET_SECONDS];
};

/* Time has passed: what is too old is forgotten. */
void retry_budget_turn(struct retry_budget *b, uint64_t second);
/* Whether one more may be sent, which is then counted. `reserve` retries in ten seconds are free.
 */
bool retry_budget_take(struct retry_budget *b, uint64_t second, uint32_t reserve) MUST_CHECK;

/* A request is sent for the first time. */
static inline void retry_budget_deposit(struct retry_budget *b, uint64_t second)
{
    if (second != b->second)
        retry_budget_turn(b, second);
    b->seconds[second % RETRY_BUDGET_SECONDS].requests++;
}

#endif
