#include "bench/measure/result_sums.h"
#include "bench/report/export.h"
#include "bench/report/headline.h"
#include "common/mem.h"

#include <inttypes.h>

static void put_label_value(struct buf *out, const char *value)
{
    buf_append_char(out, '"');
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            buf_append_char(out, '\\');
        if (*value == '\n')
            buf_append_str(out, "\\n");
        else
            buf_append_char(out, *value);
    }
    buf_append_char(out, '"');
}

/* Leaves the braces open, so that the caller can add labels. */
static void put_name(struct buf *out, const struct result *r, const char *name, const char *suffix)
{
    buf_printf(out, "cong_bench_%s%s{scenario=", name, suffix);
    put_label_value(out, r->scenario->name);
}

static void put_help(struct buf *out, const char *name, const char *suffix, const char *type,
                     const char *doc)
{
    buf_printf(out, "# HELP cong_bench_%s%s %s\n# TYPE cong_bench_%s%s %s\n", name, suffix, doc,
               name, suffix, type);
}

static const char *suffix_of(const struct metric *m)
{
    if (m->unit == METRIC_MS)
        return "_ms";
    return m->unit == METRIC_BYTES ? "_bytes" : "";
}

static void put_metric(struct buf *out, const struct result *r, const struct metric *m, int class)
{
    struct metric_scope scope = { .result = r, .class = class, .phase = -1 };
    struct metric_value v = m->compute(m, &scope);
    if (!v.is_known)
        return;
    put_name(out, r, m->name, suffix_of(m));
    if (class >= 0)
        buf_printf(out, ",class=\"%s\"", scenario_class_name((enum scenario_class) class));
    buf_printf(out, "} %.9g\n", v.value);
}

static void put_metrics(struct buf *out, const struct result *r)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric *m = &metric_table[i];
        put_help(out, m->name, suffix_of(m), "gauge", m->doc);
        put_metric(out, r, m, -1);
        for (int class = 0; m->has_classes && class < CLASS_COUNT; class ++)
            put_metric(out, r, m, class);
    }
}

static void put_bucket(struct buf *out, const struct result *r, const char *class, const char *le,
                       uint64_t count)
{
    put_name(out, r, "response_seconds", "_bucket");
    buf_printf(out, ",class=\"%s\",le=\"%s\"} %" PRIu64 "\n", class, le, count);
}

static void put_histogram(struct buf *out, const struct result *r, int class, const struct hdr *h)
{
    static const struct {
        const char *le;
        uint64_t us;
    } steps[] = { { "0.001", 1000 },  { "0.0025", 2500 }, { "0.005", 5000 },  { "0.01", 10000 },
                  { "0.025", 25000 }, { "0.05", 50000 },  { "0.1", 100000 },  { "0.25", 250000 },
                  { "0.5", 500000 },  { "1", 1000000 },   { "2.5", 2500000 }, { "5", 5000000 },
                  { "10", 10000000 }, { "30", 30000000 }, { "60", 60000000 } };
    const char *name = scenario_class_name((enum scenario_class) class);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        put_bucket(out, r, name, steps[i].le, h->count - hdr_count_above(h, steps[i].us));
    put_bucket(out, r, name, "+Inf", h->count);
    put_name(out, r, "response_seconds", "_sum");
    buf_printf(out, ",class=\"%s\"} %.6f\n", name, (double)h->sum_us / 1e6);
    put_name(out, r, "response_seconds", "_count");
    buf_printf(out, ",class=\"%s\"} %" PRIu64 "\n", name, h->count);
}

static void put_histograms(struct buf *out, const struct result *r)
{
    struct result_clocks *clocks = mem_new(sizeof(*clocks));
    put_help(out, "response_seconds", "", "histogram", "Response times of the judged phases.");
    for (int class = 0; class < CLASS_COUNT; class ++) {
        result_clocks(r, -1, class, clocks);
        if (clocks->response.count)
            put_histogram(out, r, class, &clocks->response);
    }
    mem_free(clocks);
}

static void put_criteria(struct buf *out, const struct result *r)
{
    put_help(out, "criterion_ok", "", "gauge", "Was this criterion met?");
    for (uint32_t i = 0; i < r->outcome_count; i++) {
        put_name(out, r, "criterion_ok", "");
        buf_append_str(out, ",criterion=");
        put_label_value(out, r->outcomes[i].text);
        buf_printf(out, "} %d\n", r->outcomes[i].ok);
    }
}

void export_prometheus(const struct result *r, struct buf *out)
{
    put_help(out, "verdict", "", "gauge", "0 PASS, 1 FAIL, 2 INVALID.");
    put_name(out, r, "verdict", "");
    buf_printf(out, "} %d\n", (int)r->verdict);
    put_criteria(out, r);
    put_metrics(out, r);
    put_histograms(out, r);
}
