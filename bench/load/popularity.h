/* How often each procedure of the catalogue is asked for: a few hot ones take most, by Zipf's law
 * within them and within the rest. */
#ifndef LOAD_POPULARITY_H
#define LOAD_POPULARITY_H

#include "common/random.h"

struct popularity {
    double *until; /* owned; [i]: the share of procedures 0 to i, of all */
    uint32_t count;
};

/* Procedures 0 to hot-1 take hot_percent of all. `count` is at least 1; a `hot` of 0 or of `count`
 * makes one part of them all. */
void popularity_init(struct popularity *p, uint32_t count, uint32_t hot, uint32_t hot_percent);
void popularity_fini(struct popularity *p);

/* 0 is the most asked for. */
uint32_t popularity_draw(const struct popularity *p, struct random *r);

#endif
