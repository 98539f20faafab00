#include "bench/report/chart.h"
#include "bench/report/html.h"
#include "bench/report/timeline.h"

#include <math.h>

#define LANE_LINES_MAX 4

/* What one lane draws: lines out of struct timeline_column's members, one colour class each. */
struct lane {
    const char *title;
    chart_label_fn label;
    bool is_log; /* latencies: powers of ten */
    struct lane_line {
        const char *name, *class;
        size_t offset;
        bool is_area;
    } lines[LANE_LINES_MAX];
};

static struct figure label_percent(double value)
{
    return figure_percent(value);
}

static struct figure label_elapsed(double value)
{
    return figure_elapsed((uint64_t)value);
}

#define COLUMN(member) offsetof(struct timeline_column, member)

/* clang-format off */
static const struct lane lanes[] = {
    { "Users", figure_short, false,
      { { "planned", "line plan", COLUMN(users_planned), false },
        { "connected", "line b", COLUMN(users), false },
        { "alive", "line a", COLUMN(alive), false } } },
    { "Requests per second", figure_short, false,
      { { "planned", "line plan", COLUMN(planned), false },
        { "answered", "line a", COLUMN(done), false } } },
    { "Response time", figure_us, true,
      { { "p99", "line b", COLUMN(p99_us), false }, { "p50", "line a", COLUMN(p50_us), false } } },
    { "Errors per second", figure_short, false,
      { { "all causes", "area bad", COLUMN(errors), true } } },
    { "Lag of the generators, p99", figure_us, true,
      { { "late by", "line c", COLUMN(lag_p99_us), false } } },
    { "CPU, of one core", label_percent, false,
      { { "gateway", "line a", COLUMN(gateway_cpu), false },
        { "generators", "line b", COLUMN(generators_cpu), false },
        { "nodes", "line c", COLUMN(nodes_cpu), false },
        { "others", "line bad", COLUMN(foreign), false } } },
    { "Cores busy", label_percent, false,
      { { "core 0", "line a", COLUMN(core_busy[0]), false },
        { "core 1", "line b", COLUMN(core_busy[1]), false } } },
    { "Memory", figure_bytes, false,
      { { "gateway", "line a", COLUMN(gateway_pss), false },
        { "generators", "line b", COLUMN(generators_pss), false },
        { "kernel, growth", "line c", COLUMN(kernel), false } } },
};
/* clang-format on */

static double value_of(const struct timeline_column *c, const struct lane_line *line)
{
    return *(const double *)((const char *)c + line->offset);
}

struct extent {
    double min, max;
};

static struct extent extent_of(const struct timeline *t, const struct lane *lane)
{
    struct extent e = { INFINITY, -INFINITY };
    for (size_t i = 0; i < LANE_LINES_MAX && lane->lines[i].name; i++) {
        for (uint32_t column = 0; column < t->count; column++) {
            double value = value_of(&t->columns[column], &lane->lines[i]);
            if (!isfinite(value))
                continue;
            e.min = MIN(e.min, value);
            e.max = MAX(e.max, value);
        }
    }
    return e;
}

/* Bytes have round numbers of their own. */
static struct scale scale_bytes(double max)
{
    double unit = 1;
    while (max / unit >= 1024)
        unit *= 1024;
    struct scale s = scale_linear(max / unit);
    s.high *= unit;
    for (uint32_t i = 0; i < s.tick_count; i++)
        s.ticks[i] *= unit;
    return s;
}

static struct scale scale_of(const struct timeline *t, const struct lane *lane)
{
    struct extent e = extent_of(t, lane);
    if (lane->is_log)
        return isfinite(e.max) ? scale_log(e.min, e.max) : scale_log(100, 1e6);
    if (lane->label == figure_bytes)
        return scale_bytes(e.max);
    if (lane->label == label_percent)
        return scale_linear(MAX(e.max, 100));
    return scale_linear(e.max);
}

static void put_caption(struct buf *out, const struct lane *lane)
{
    buf_printf(out, "<p class=\"caption\">%s", lane->title);
    for (size_t i = 0; i < LANE_LINES_MAX && lane->lines[i].name; i++)
        buf_printf(out, " <span class=\"key %s\">%s</span>", lane->lines[i].class,
                   lane->lines[i].name);
    buf_append_str(out, "</p>\n");
}

/* Every other phase is shaded, and marks stand in all lanes, so that they can be compared. */
static void put_background(struct chart *c, const struct result *r)
{
    double at_s = 0;
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        double end_s = at_s + (double)r->scenario->phases[i].duration_ms / 1000;
        if (i % 2)
            chart_band(c, "phase", at_s, end_s);
        at_s = end_s;
    }
    for (uint32_t i = 0; i < r->mark_count; i++)
        chart_rule(c, "mark", (double)r->marks[i].at_ms / 1000);
}

static void put_lane(struct buf *out, const struct result *r, const struct timeline *t,
                     const struct lane *lane)
{
    put_caption(out, lane);
    struct chart c = { .x = scale_time(timeline_seconds(r)), .y = scale_of(t, lane) };
    chart_open(&c, out, "lane", lane->title);
    put_background(&c, r);
    for (size_t i = 0; i < LANE_LINES_MAX && lane->lines[i].name; i++) {
        const struct lane_line *line = &lane->lines[i];
        struct chart_point points[TIMELINE_COLUMNS_MAX];
        for (uint32_t column = 0; column < t->count; column++)
            points[column] = (struct chart_point){ t->columns[column].at_s,
                                                   value_of(&t->columns[column], line) };
        if (line->is_area)
            chart_area(&c, line->class, points, t->count);
        else
            chart_line(&c, line->class, points, t->count);
    }
    chart_close(&c, lane->label, label_elapsed);
}

static void put_phase_names(struct buf *out, const struct result *r)
{
    double total_ms = timeline_seconds(r) * 1000;
    double at_ms = 0;
    buf_append_str(out, "<div class=\"phases\">");
    for (uint32_t i = 0; i < r->scenario->phase_count; i++) {
        const struct scenario_phase *p = &r->scenario->phases[i];
        buf_printf(out, "<span style=\"left:%.2f%%;width:%.2f%%\"%s title=\"",
                   at_ms / total_ms * 100, (double)p->duration_ms / total_ms * 100,
                   p->judged ? " class=\"judged\"" : "");
        html_text(out, p->name);
        buf_printf(out, ", %s%s\">", figure_elapsed(p->duration_ms / 1000).text,
                   p->judged ? ", judged" : "");
        html_text(out, p->name);
        buf_append_str(out, "</span>");
        at_ms += (double)p->duration_ms;
    }
    buf_append_str(out, "</div>\n");
}

static void put_mark_numbers(struct buf *out, const struct result *r)
{
    if (r->mark_count == 0)
        return;
    buf_append_str(out, "<div class=\"marks\">");
    for (uint32_t i = 0; i < r->mark_count; i++)
        buf_printf(out, "<b style=\"left:%.2f%%\">%u</b>",
                   MIN((double)r->marks[i].at_ms / (timeline_seconds(r) * 10), 100.0), i + 1);
    buf_append_str(out, "</div>\n");
}

static void put_mark_list(struct buf *out, const struct result *r)
{
    if (r->mark_count == 0)
        return;
    buf_append_str(out, "<ol class=\"events\">");
    for (uint32_t i = 0; i < r->mark_count; i++) {
        buf_printf(out, "<li><time>%s</time> ", figure_elapsed(r->marks[i].at_ms / 1000).text);
        html_text(out, r->marks[i].text);
        buf_append_str(out, "</li>\n");
    }
    buf_append_str(out, "</ol>\n");
}

#define HEAT_LEVELS 6

/* 0: nothing; else by the share of its column's answers, about three times more each level. */
static int heat_level(const struct timeline_column *c, uint32_t band, uint64_t total)
{
    static const double from[HEAT_LEVELS] = { 0, 0.001, 0.005, 0.02, 0.06, 0.15 };
    double share = (double)c->response[band] / (double)total;
    int level = 0;
    while (share > 0 && level < HEAT_LEVELS && share >= from[level])
        level++;
    return level;
}

static void put_heat_level(struct chart *c, const struct timeline *t, int level)
{
    char class[8] = { 'h', 'e', 'a', 't', ' ', 'h', (char)('0' + level), '\0' };
    double half = t->seconds_per_column / 2.0;
    chart_cells_open(c, class);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct timeline_column *column = &t->columns[i];
        uint64_t total = band_total(column->response);
        for (uint32_t band = 0; total && band < BAND_COUNT; band++)
            if (heat_level(column, band, total) == level)
                chart_cell(c, column->at_s - half, column->at_s + half,
                           (double)MAX(band_low(band), (uint64_t)50), (double)band_high(band));
    }
    chart_cells_close(c);
}

static void put_heat_map(struct buf *out, const struct result *r, const struct timeline *t)
{
    uint32_t all[BAND_COUNT] = { 0 };
    for (uint32_t i = 0; i < t->count; i++)
        band_merge(all, t->columns[i].response);
    if (band_total(all) == 0)
        return;
    uint32_t first = 0;
    uint32_t last = BAND_COUNT - 1;
    while (all[first] == 0)
        first++;
    while (all[last] == 0)
        last--;
    buf_append_str(out,
                   "<p class=\"caption\">Response times of all answers; darker: a larger share "
                   "of that moment's answers</p>\n");
    struct chart c = { .x = scale_time(timeline_seconds(r)),
                       .y = scale_log((double)MAX(band_low(first), (uint64_t)50),
                                      (double)band_high(last)) };
    chart_open(&c, out, "tall", "Heat map of response times");
    for (int level = 1; level <= HEAT_LEVELS; level++)
        put_heat_level(&c, t, level);
    for (uint32_t i = 0; i < r->mark_count; i++)
        chart_rule(&c, "mark", (double)r->marks[i].at_ms / 1000);
    chart_close(&c, figure_us, label_elapsed);
}

void html_timeline(struct buf *out, const struct result *r)
{
    if (r->second_count == 0)
        return;
    struct timeline *t = timeline_new(r);
    html_section(out, "Timeline");
    put_phase_names(out, r);
    put_mark_numbers(out, r);
    for (size_t i = 0; i < ARRAY_LEN(lanes); i++)
        put_lane(out, r, t, &lanes[i]);
    put_heat_map(out, r, t);
    if (t->seconds_per_column > 1)
        buf_printf(
            out,
            "<p class=\"note\">Each point joins %u seconds; seconds.csv has them singly.</p>\n",
            t->seconds_per_column);
    put_mark_list(out, r);
    html_section_end(out);
    timeline_free(&t);
}
