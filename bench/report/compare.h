/* Two results side by side. The interval of a change is made from those of both values (Donner and
 * Zou's MOVER; of times on the logarithm, so that it is one of ratios). A change whose interval
 * takes in 0 is shown as "~". For metrics without an interval, and before a change counts as a
 * regression, it has to be 5%: adjacent runs of one program differ by as much. */
#ifndef BENCH_REPORT_COMPARE_H
#define BENCH_REPORT_COMPARE_H

#include "bench/verdict/metric.h"
#include "common/buf.h"
#include "common/err.h"

#define COMPARE_TOLERANCE_PERCENT 5.0
#define COMPARE_TOLERANCE_POINTS 0.01 /* of shares in percent */

enum compare_kind {
    COMPARE_RATIO,  /* in percent of the first */
    COMPARE_POINTS, /* of a share: in percent points */
    COMPARE_COUNT,  /* of what must never happen: each one counts */
};

struct comparison {
    bool is_known, has_interval, is_significant;
    bool is_regression; /* significant, worse, and enough to matter */
    double delta;       /* in percent, points or counts */
    double low, high;   /* 95% interval of it */
};

/* `better`: 1 when more is better, -1 when less is, 0 when neither. */
struct comparison compare_values(enum compare_kind kind, int better, struct metric_value from,
                                 struct metric_value to);

/* ERR_INVALID, with a sentence, when the two say nothing about each other: other machine, other
 * scenario, or a run that was not valid. */
int compare_check(const struct result *from, const struct result *to, struct err *e) MUST_CHECK;

/* Appends the table; returns how many metrics got worse. */
uint32_t compare_write(const struct result *from, const struct result *to, struct buf *out);

/* cong-bench compare A B [C…] [--force]: B and each after it against A. Exit codes 0, 1 (something
 * got worse), 3. */
int compare_main(int argc, char **argv);

#endif
