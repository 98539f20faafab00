/* Numbers as people read them. Each returns the text by value, so that several fit one printf:
 *     printf("%s of %s", figure_count(done).text, figure_count(planned).text); */
#ifndef BENCH_REPORT_FIGURE_H
#define BENCH_REPORT_FIGURE_H

#include "common/base.h"

struct figure {
    char text[32];
};

struct figure figure_count(double value);       /* 120,000 */
struct figure figure_short(double value);       /* 120k, for axes */
struct figure figure_us(double us);             /* 850 µs, 2.1 ms, 1.30 s */
struct figure figure_bytes(double bytes);       /* 15.4 KiB */
struct figure figure_percent(double percent);   /* 0.012% */
struct figure figure_elapsed(uint64_t seconds); /* 1:30, 1:02:00 */
/* A value in one of result_outcome's units. */
struct figure figure_in(double value, const char *unit);

#endif
