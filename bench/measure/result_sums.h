/* Sums over a result: how the coordinator gets from the generators' board to one result, how
 * merge adds machines up, and the figures that verdict and report must not compute differently. */
#ifndef BENCH_MEASURE_RESULT_SUMS_H
#define BENCH_MEASURE_RESULT_SUMS_H

#include "bench/measure/result.h"

/* Into a new result: what every generator of the board measured; the probe's phases apart, its
 * seconds and those of the attackers left out. */
void result_collect(struct result *r, const struct results_board *board);
/* Adds another load machine's measurements, second by second, as if both had started together; the
 * longer run is cut to the shorter. One
 * gateway is seen by all: of what was read from it and of shares in percent the larger stays. */
void result_add(struct result *r, const struct result *other);

void results_phase_init(struct results_phase *p);
void results_phase_add(struct results_phase *into, const struct results_phase *from);
uint64_t results_phase_errors(const struct results_phase *p);

/* Adds up the histograms of `class` (-1: all) over `phase` (-1: the judged ones) into `response`
 * and `service`, both initialised by this. */
struct result_clocks {
    struct hdr response, service;
};
void result_clocks(const struct result *r, int phase, int class, struct result_clocks *out);
/* Adds up all of `phase` (-1: the judged ones); `into` is initialised by this. */
void result_phase_sum(const struct result *r, int phase, struct results_phase *into);

/* The seconds [from, to) of a phase, without those cut as warm-up if it is the first judged one. */
struct result_span {
    uint32_t from, to;
};
struct result_span result_phase_span(const struct result *r, uint32_t phase);

/* The most users and the most memory of each kind within `phase` (-1: the judged ones). Of the
 * kernel's only the growth since before the first user counts. */
struct result_memory {
    uint32_t users;
    uint64_t gateway, generators, kernel, tcp;
};
struct result_memory result_memory(const struct result *r, int phase);

/* Gateway CPU per finished request over `phase` (-1: the judged ones), in µs; 0 when nothing was.
 */
double result_cpu_us_per_request(const struct result *r, int phase);

#endif
