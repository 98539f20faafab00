/* The few figures of a run that everybody asks for first: at the top of the page and in the line
 * that ends a run. They are metrics of bench/verdict over the judged phases. */
#ifndef BENCH_REPORT_HEADLINE_H
#define BENCH_REPORT_HEADLINE_H

#include "bench/report/figure.h"
#include "bench/verdict/metric.h"

struct headline {
    const char *key;   /* in the line: "p99" */
    const char *label; /* on the page: "p99 of reads" */
    const char *metric;
    int class;
};

#define HEADLINE_COUNT 9
extern const struct headline headline_table[HEADLINE_COUNT];

/* As a person reads it; "–" when it was not measured. */
struct figure headline_figure(const struct headline *h, const struct result *r);

/* The most users that a judged phase, or else any, holds. */
uint32_t headline_users(const struct result *r);

#endif
