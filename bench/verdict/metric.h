/* The figures that a criterion may name: what they are called, what they are measured in, and how
 * they come out of a result. The table stands in metric_table.c. */
#ifndef BENCH_VERDICT_METRIC_H
#define BENCH_VERDICT_METRIC_H

#include "bench/measure/result_sums.h"

enum metric_unit {
    METRIC_MS,
    METRIC_PERCENT,
    METRIC_BYTES,
    METRIC_NUMBER,
    METRIC_USERS, /* grows with the users, and so do limits on it */
    METRIC_RATE,  /* a second; grows with the users */
};

/* What a criterion looks at: one class or all (-1), one phase or the judged ones (-1), one group of
 * users or all (GROUP_ANY). */
struct metric_scope {
    const struct result *result;
    int class, phase, group;
};

struct metric_value {
    bool is_known; /* false: nothing was measured, or too little to tell */
    double value;
    double low, high; /* 95% confidence interval; NAN when there is none */
};

struct metric {
    const char *name;
    enum metric_unit unit;
    bool has_classes, has_groups;
    bool is_whole_run; /* no phase may be named */
    struct metric_value (*compute)(const struct metric *m, const struct metric_scope *scope);
    /* Of quantiles: adds a phase's values, of which quantile `argument` is taken. Else NULL. */
    void (*gather)(const struct results_phase *p, const struct metric_scope *scope,
                   struct hdr *into);
    bool of_probe; /* then those phases are the probe's */
    double argument;
    uint32_t needs_s; /* shorter phases tell nothing of it; 0: any will do */
    const char *doc;
};

#define METRIC_COUNT 70
extern const struct metric metric_table[METRIC_COUNT];

/* NULL when there is none. */
const struct metric *metric_find(struct slice name);
/* "ms", "%", "bytes" or "": as struct result_outcome has it. */
const char *metric_unit_name(enum metric_unit unit);

/* All the values of the scope; `into` is initialised by this. */
void metric_gather(const struct metric *m, const struct metric_scope *scope, struct hdr *into);

/* --- for those who compute -------------------------------------------------------------------- */

struct metric_value metric_unknown(void);
struct metric_value metric_exactly(double value);
/* Part of a whole in percent; unknown when there is no whole. */
struct metric_value metric_percent(double part, double whole);
/* Does the scope take in this phase, this step? */
bool metric_takes_phase(const struct metric_scope *scope, uint32_t phase);
bool metric_takes_step(const struct metric_scope *scope, int step);
bool metric_takes_group(const struct metric_scope *scope, int group);
/* The seconds that lie wholly in a phase, its warm-up too. */
struct result_span metric_span(const struct result *r, uint32_t phase);
double metric_duration_s(const struct metric_scope *scope);
/* The seconds of the scope without the warm-up, in order: their numbers go to `seconds`, which has
 * room for result->second_count. */
size_t metric_steady_seconds(const struct metric_scope *scope, uint32_t *seconds);

#endif
