/* Line charts that are as wide as the page: shapes in an SVG that is stretched, words beside it in
 * HTML that are not, both from one pair of scales. No script. Classes name the colours
 * (html_style.c).
 *
 *     chart_open(&c, out, "lane", x, y, "requests per second");
 *     chart_line(&c, "line a", points, count);
 *     chart_close(&c, figure_short, NULL); */
#ifndef BENCH_REPORT_CHART_H
#define BENCH_REPORT_CHART_H

#include "bench/report/figure.h"
#include "bench/report/scale.h"
#include "common/buf.h"

struct chart {
    struct buf *out; /* borrowed */
    struct scale x, y;
};

/* A point whose y is no number is a gap. */
struct chart_point {
    double x, y;
};

typedef struct figure (*chart_label_fn)(double value);

void chart_open(struct chart *c, struct buf *out, const char *class, const char *label);
void chart_line(struct chart *c, const char *class, const struct chart_point *p, size_t count);
/* The same, filled down to the axis. */
void chart_area(struct chart *c, const char *class, const struct chart_point *p, size_t count);
/* Over the whole height, between two values of x. */
void chart_band(struct chart *c, const char *class, double from, double to);
void chart_rule(struct chart *c, const char *class, double x);
/* Rectangles of one colour, any number between open and close. */
void chart_cells_open(struct chart *c, const char *class);
void chart_cell(struct chart *c, double x_from, double x_to, double y_from, double y_to);
void chart_cells_close(struct chart *c);
/* Ends the SVG and puts labels at the ticks; `x_label` NULL leaves those of x out. */
void chart_close(struct chart *c, chart_label_fn y_label, chart_label_fn x_label);

#endif
