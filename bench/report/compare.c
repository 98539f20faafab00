#include "bench/report/compare.h"

#include "bench/report/figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct row {
    const char *metric;
    int class;
    enum compare_kind kind;
    int better;
} rows[] = {
    { "done_per_s", -1, COMPARE_RATIO, 1 },
    { "alive_min", -1, COMPARE_RATIO, 1 },
    { "error_percent", -1, COMPARE_POINTS, -1 },
    { "response_p50", CLASS_READ, COMPARE_RATIO, -1 },
    { "response_p99", CLASS_READ, COMPARE_RATIO, -1 },
    { "response_p999", CLASS_READ, COMPARE_RATIO, -1 },
    { "service_p50", CLASS_READ, COMPARE_RATIO, -1 },
    { "service_p99", CLASS_READ, COMPARE_RATIO, -1 },
    { "handshake_p50", -1, COMPARE_RATIO, -1 },
    { "handshake_p99", -1, COMPARE_RATIO, -1 },
    { "lag_p99", -1, COMPARE_RATIO, 0 },
    { "gateway_memory_per_user", -1, COMPARE_RATIO, -1 },
    { "kernel_memory_per_user", -1, COMPARE_RATIO, -1 },
    { "cpu_us_per_request", -1, COMPARE_RATIO, -1 },
    { "listen_drops", -1, COMPARE_COUNT, -1 },
    { "lost", -1, COMPARE_COUNT, -1 },
    { "doubled", -1, COMPARE_COUNT, -1 },
};

static bool has_interval(const struct metric_value *v)
{
    return isfinite(v->low) && isfinite(v->high);
}

/* MOVER: the distance of each end comes from the ends of both that pull it outwards. */
static void add_interval(struct comparison *c, struct metric_value from, struct metric_value to)
{
    double delta = to.value - from.value;
    c->has_interval = true;
    c->low = delta - hypot(to.value - to.low, from.high - from.value);
    c->high = delta + hypot(to.high - to.value, from.value - from.low);
}

static struct metric_value logarithm(struct metric_value v)
{
    v.value = log(v.value);
    v.low = log(v.low);
    v.high = log(v.high);
    return v;
}

static double percent_of_log(double value)
{
    return 100 * (exp(value) - 1);
}

static void compare_ratio(struct comparison *c, struct metric_value from, struct metric_value to)
{
    c->delta = 100 * (to.value / from.value - 1);
    if (!has_interval(&from) || !has_interval(&to) || from.low <= 0 || to.low <= 0)
        return;
    add_interval(c, logarithm(from), logarithm(to));
    c->low = percent_of_log(c->low);
    c->high = percent_of_log(c->high);
}

static void compare_points(struct comparison *c, struct metric_value from, struct metric_value to)
{
    c->delta = to.value - from.value;
    if (has_interval(&from) && has_interval(&to))
        add_interval(c, from, to);
}

static double tolerance(enum compare_kind kind)
{
    static const double tolerances[] = { COMPARE_TOLERANCE_PERCENT, COMPARE_TOLERANCE_POINTS, 0 };
    return tolerances[kind];
}

struct comparison compare_values(enum compare_kind kind, int better, struct metric_value from,
                                 struct metric_value to)
{
    struct comparison c = { .is_known = from.is_known && to.is_known };
    if (!c.is_known || (kind == COMPARE_RATIO && (from.value <= 0 || to.value <= 0))) {
        c.is_known = c.is_known && from.value == to.value;
        return c;
    }
    if (kind == COMPARE_RATIO)
        compare_ratio(&c, from, to);
    else
        compare_points(&c, from, to);
    bool is_much = fabs(c.delta) > 0 && fabs(c.delta) >= tolerance(kind);
    c.is_significant = c.has_interval ? c.low > 0 || c.high < 0 : is_much;
    c.is_regression = c.is_significant && is_much && c.delta * better < 0;
    return c;
}

static struct metric_value value_of(const struct row *row, const struct result *r)
{
    const struct metric *m = metric_find(slice_str(row->metric));
    assert(m); /* the table above names metrics that are there */
    struct metric_scope scope = { .result = r, .class = row->class, .phase = -1 };
    return m->compute(m, &scope);
}

static const char *unit_of(const struct row *row)
{
    return metric_unit_name(metric_find(slice_str(row->metric))->unit);
}

/* printf pads by bytes; "µs" has one more of them than letters. */
static void put_padded(struct buf *out, const char *text, int width)
{
    int letters = 0;
    for (const char *p = text; *p; p++)
        letters += ((unsigned char)*p & 0xc0) != 0x80;
    buf_printf(out, "%*s%s", MAX(width - letters, 0), "", text);
}

static void put_delta(struct buf *out, enum compare_kind kind, const struct comparison *c)
{
    static const char *const units[] = { "%", " pt", "" };
    char text[64];
    if (!c->is_known) {
        put_padded(out, "unknown", 12);
        return;
    }
    snprintf(text, sizeof(text), "%+.3g%s", c->delta, units[kind]);
    put_padded(out, c->is_significant ? text : "~", 12);
    if (c->has_interval) {
        snprintf(text, sizeof(text), "%+.3g … %+.3g%s", c->low, c->high, units[kind]);
        put_padded(out, text, 26);
    }
    if (c->is_regression)
        buf_append_str(out, "  worse");
}

static bool compare_row(const struct row *row, const struct result *from, const struct result *to,
                        struct buf *out)
{
    struct metric_value a = value_of(row, from);
    struct metric_value b = value_of(row, to);
    if (!a.is_known && !b.is_known)
        return false;
    struct comparison c = compare_values(row->kind, row->better, a, b);
    char name[64];
    snprintf(name, sizeof(name), "%s%s", row->metric, row->class == CLASS_READ ? " read" : "");
    buf_printf(out, "%-26s", name);
    put_padded(out, a.is_known ? figure_in(a.value, unit_of(row)).text : "unknown", 12);
    put_padded(out, b.is_known ? figure_in(b.value, unit_of(row)).text : "unknown", 12);
    put_delta(out, row->kind, &c);
    buf_append_char(out, '\n');
    return c.is_regression;
}

uint32_t compare_write(const struct result *from, const struct result *to, struct buf *out)
{
    uint32_t worse = 0;
    buf_printf(out, "%-26s%12s%12s%12s%26s\n", "judged phases", "before", "after", "change",
               "95% interval");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        worse += compare_row(&rows[i], from, to, out);
    return worse;
}

static const char *fact_of(const struct result *r, const char *name)
{
    for (uint32_t i = 0; i < r->fact_count; i++)
        if (strcmp(r->facts[i].name, name) == 0)
            return r->facts[i].value;
    return "nothing";
}

static int check_machine(const struct result *from, const struct result *to, struct err *e)
{
    for (uint32_t i = 0; i < from->fact_count; i++) {
        const struct result_fact *fact = &from->facts[i];
        const char *other = fact_of(to, fact->name);
        if (fact->is_machine && strcmp(fact->value, other) != 0)
            return err_set(e, ERR_INVALID, "the machines differ in %s: \"%s\" and \"%s\"",
                           fact->name, fact->value, other);
    }
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

int compare_check(const struct result *from, const struct result *to, struct err *e)
{
    const struct scenario *a = from->scenario;
    const struct scenario *b = to->scenario;
    if (strcmp(a->name, b->name) != 0)
        return err_set(e, ERR_INVALID, "the scenarios differ: %s and %s", a->name, b->name);
    if (!same_text(from->scenario_text, to->scenario_text))
        return err_set(e, ERR_INVALID, "the scenario %s has been changed between them", a->name);
    if (a->scale != b->scale)
        return err_set(e, ERR_INVALID, "one ran at --scale %g, the other at %g", a->scale,
                       b->scale);
    if (scenario_users_max(a) != scenario_users_max(b))
        return err_set(e, ERR_INVALID, "one had %u users, the other %u", scenario_users_max(a),
                       scenario_users_max(b));
    if (from->verdict == RESULT_INVALID || to->verdict == RESULT_INVALID)
        return err_set(e, ERR_INVALID, "a run that was INVALID proves nothing");
    return check_machine(from, to, e);
}
