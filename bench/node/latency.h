/* How long a simulated node takes: a distribution, written as one word.
 *
 *     0                                  at once
 *     20ms                               always so long
 *     uniform:5ms-50ms                   any duration between the two, ends included
 *     lognormal:median=15ms,mean=30ms    what people and busy databases look like */
#ifndef NODE_LATENCY_H
#define NODE_LATENCY_H

#include "common/err.h"
#include "common/random.h"
#include "common/slice.h"

#define LATENCY_MAX_MS 3600000 /* a draw from a long tail is cut here */

enum latency_kind { LATENCY_FIXED, LATENCY_UNIFORM, LATENCY_LOGNORMAL };

struct latency {
    enum latency_kind kind;
    double a, b; /* fixed: ms; uniform: lowest and highest ms; lognormal: mu and sigma of ln(ms) */
};

/* Negative ERR_* with a sentence in `e` when `text` is none of the above. */
int latency_parse(struct latency *l, struct slice text, struct err *e) MUST_CHECK;

/* True when every draw is 0. */
bool latency_is_zero(const struct latency *l);

uint64_t latency_draw_ms(const struct latency *l, struct random *r);
/* What is left of a draw that somebody finds under way, at an instant that has nothing to do with
 * its beginning (the residual life of renewal theory). Long draws are found under way more often:
 * the mean is E[X^2] / 2E[X], for a log-normal one with median 15 s and mean 30 s a whole minute.
 */
uint64_t latency_draw_rest_ms(const struct latency *l, struct random *r);

#endif
