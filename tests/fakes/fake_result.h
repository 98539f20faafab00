/* A made-up run, for tests of what is done with results: a ramp, a settling phase and a judged hold
 * with log-normal response times, a hiccup in the middle, and all the words a run can carry. */
#ifndef FAKES_FAKE_RESULT_H
#define FAKES_FAKE_RESULT_H

#include "bench/measure/result.h"

struct fake_result {
    uint32_t hold_s;
    uint32_t users, requests_per_s;
    double slowness;     /* multiplies response times; 1 */
    uint32_t procedures; /* measured one by one; 0: none */
    uint64_t seed;
};

/* result_free() frees it with its scenario. */
struct result *fake_result_new(const struct fake_result *f);

#endif
