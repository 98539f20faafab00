#include "observe/prometheus.h"

#include "common/clock.h"

/* Upper bounds of the exported latency buckets. A histogram's bucket belongs to the first bound
 * that its middle does not exceed: each bound is exact within 6.25%, and always the same. */
static const struct {
    uint64_t us;
    const char *seconds;
} bounds[] = {
    { 1000, "0.001" },  { 2500, "0.0025" }, { 5000, "0.005" },  { 10000, "0.01" },
    { 25000, "0.025" }, { 50000, "0.05" },  { 100000, "0.1" },  { 250000, "0.25" },
    { 500000, "0.5" },  { 1000000, "1" },   { 2500000, "2.5" }, { 5000000, "5" },
    { 10000000, "10" }, { 30000000, "30" }, { 60000000, "60" },
};

static const char *const class_names[SERIES_CLASSES] = {
    [SERIES_1XX] = "1xx", [SERIES_2XX] = "2xx", [SERIES_3XX] = "3xx",
    [SERIES_4XX] = "4xx", [SERIES_5XX] = "5xx", [SERIES_ABORTED] = "aborted",
};

static const char *const kind_names[SERIES_KINDS] = {
    [SERIES_ROUTE] = "route",
    [SERIES_UPSTREAM] = "upstream",
    [SERIES_PEER] = "peer",
    [SERIES_SYSTEM] = "system",
};

/* One metric of a family: its name, and the labels of the sample being written. */
struct family {
    struct buf *out; /* borrowed */
    char name[64];
    struct slice labels; /* 'route="portal"'; may be empty */
};

static void family_begin(struct family *f, const char *kind, const char *what, const char *type,
                         const char *help)
{
    size_t len = 0;
    const char *const parts[] = { "cong_", kind, *kind ? "_" : "", what };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t part = MIN(strlen(parts[i]), sizeof(f->name) - 1 - len);
        memcpy(f->name + len, parts[i], part);
        len += part;
    }
    f->name[len] = '\0';
    f->labels = SLICE("");
    buf_printf(f->out, "# HELP %s %s.\n# TYPE %s %s\n", f->name, help, f->name, type);
}

/* The name and the labels of a sample; `label` and `value` add one more label where given. */
static void sample_head(struct family *f, const char *suffix, const char *label, const char *value)
{
    buf_append_str(f->out, f->name);
    buf_append_str(f->out, suffix);
    if (f->labels.len || label) {
        buf_append_char(f->out, '{');
        buf_append_slice(f->out, f->labels);
        if (f->labels.len && label)
            buf_append_char(f->out, ',');
        if (label) {
            buf_append_str(f->out, label);
            buf_append_str(f->out, "=\"");
            buf_append_str(f->out, value);
            buf_append_char(f->out, '"');
        }
        buf_append_char(f->out, '}');
    }
    buf_append_char(f->out, ' ');
}

static void sample(struct family *f, const char *label, const char *value, uint64_t number)
{
    sample_head(f, "", label, value);
    buf_append_u64(f->out, number);
    buf_append_char(f->out, '\n');
}

#define LABELS_MAX (2 * BOARD_NAME_MAX + 32)

static size_t put_label(char *out, const char *label, struct slice value)
{
    size_t len = strlen(label);
    memcpy(out, label, len);
    out[len++] = '=';
    out[len++] = '"';
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (c == '\\' || c == '"' || c == '\n')
            out[len++] = '\\';
        out[len++] = c == '\n' ? 'n' : c;
    }
    out[len++] = '"';
    return len;
}

/* Sets the labels of a series: its name, or, for the peer "portal/10.0.0.1:80", both of its parts.
 * Returns false when there is no such series. */
static bool find_labels(const struct board *b, enum series_kind kind, uint32_t index,
                        char text[LABELS_MAX], struct slice *labels)
{
    char name[BOARD_NAME_MAX + 1];
    struct slice rest = slice_of(name, board_name(b, kind, index, name));
    if (rest.len == 0)
        return false;
    size_t len = 0;
    size_t slash = slice_find(rest, '/');
    if (kind == SERIES_PEER && slash < rest.len) {
        len = put_label(text, "upstream", slice_of(rest.data, slash));
        text[len++] = ',';
        rest = slice_from(rest, slash + 1);
    }
    len += put_label(text + len, kind_names[kind], rest);
    *labels = slice_of(text, len);
    return true;
}

#define FOREACH_SERIES(index, b, kind, text, labels)                                               \
    for (uint32_t index = 0; index < board_limit(kind); index++)                                   \
        if (find_labels(b, kind, index, text, labels))

static void write_counters(const struct board *b, struct buf *out)
{
    struct family f = { .out = out };
#define WRITE_COUNTER(id, counter, help)                                                           \
    family_begin(&f, "", #counter "_total", "counter", help);                                      \
    sample(&f, NULL, NULL, board_counter(b, COUNTER_##id));
    METRICS_COUNTERS(WRITE_COUNTER)
#undef WRITE_COUNTER
}

static void write_gauges(const struct board *b, struct buf *out)
{
    struct family f = { .out = out };
#define COMBINE_SUM board_gauge_sum
#define COMBINE_MIN board_gauge_min
#define COMBINE_MAX board_gauge_max
#define WRITE_GAUGE(id, gauge, combine, help)                                                      \
    family_begin(&f, "", #gauge, "gauge", help);                                                   \
    sample(&f, NULL, NULL, COMBINE_##combine(b, GAUGE_##id));
    METRICS_GAUGES(WRITE_GAUGE)
#undef WRITE_GAUGE
#undef COMBINE_MAX
#undef COMBINE_MIN
#undef COMBINE_SUM
}

static void write_states(const struct board *b, const char *version, struct buf *out)
{
    struct family f = { .out = out };
#define WRITE_STATE(id, state, type, help)                                                         \
    family_begin(&f, "", #state, #type, help);                                                     \
    sample(&f, NULL, NULL, board_state(b, BOARD_##id));
    METRICS_STATES(WRITE_STATE)
#undef WRITE_STATE
    family_begin(&f, "", "build_info", "gauge", "Always 1; the label tells the version");
    sample(&f, "version", version, 1);

    family_begin(&f, "", "worker_up", "gauge", "1 while the worker in this slot is running");
    for (uint32_t slot = 0; slot < BOARD_WORKERS_MAX; slot++) {
        enum board_slot state = board_slot(b, slot);
        char number[21];
        number[format_u64(number, slot)] = '\0';
        if (state == BOARD_SLOT_UP || state == BOARD_SLOT_DOWN)
            sample(&f, "worker", number, state == BOARD_SLOT_UP);
    }
}

static void write_responses(const struct board *b, enum series_kind kind, struct buf *out)
{
    char text[LABELS_MAX];
    struct family f = { .out = out };
    family_begin(&f, kind_names[kind], "responses_total", "counter",
                 "Requests that are over, by class of their status, or aborted");
    FOREACH_SERIES(index, b, kind, text, &f.labels)
    {
        struct series_counts counts = board_counts(b, kind, index);
        for (uint32_t i = 0; i < SERIES_CLASSES; i++)
            sample(&f, "class", class_names[i], counter_read(&counts.by_class[i]));
    }
}

static void write_bytes(const struct board *b, enum series_kind kind, struct buf *out)
{
    char text[LABELS_MAX];
    struct family f = { .out = out };
    family_begin(&f, kind_names[kind], "bytes_in_total", "counter", "Body bytes of requests");
    FOREACH_SERIES(index, b, kind, text, &f.labels)
    {
        struct series_counts counts = board_counts(b, kind, index);
        sample(&f, NULL, NULL, counter_read(&counts.bytes_in));
    }
    family_begin(&f, kind_names[kind], "bytes_out_total", "counter", "Body bytes of responses");
    FOREACH_SERIES(index, b, kind, text, &f.labels)
    {
        struct series_counts counts = board_counts(b, kind, index);
        sample(&f, NULL, NULL, counter_read(&counts.bytes_out));
    }
}

static void write_histogram(struct family *f, const struct histogram *h)
{
    uint64_t count = 0;
    uint32_t bucket = 0;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        for (; bucket < HISTOGRAM_BUCKETS && histogram_middle_us(bucket) <= bounds[i].us; bucket++)
            count += counter_read(&h->buckets[bucket]);
        sample_head(f, "_bucket", "le", bounds[i].seconds);
        buf_append_u64(f->out, count);
        buf_append_char(f->out, '\n');
    }
    for (; bucket < HISTOGRAM_BUCKETS; bucket++)
        count += counter_read(&h->buckets[bucket]);
    sample_head(f, "_bucket", "le", "+Inf");
    buf_append_u64(f->out, count);
    buf_append_char(f->out, '\n');

    uint64_t sum_us = counter_read(&h->sum_us);
    sample_head(f, "_sum", NULL, NULL);
    buf_printf(f->out, "%llu.%06llu\n", (unsigned long long)(sum_us / 1000000),
               (unsigned long long)(sum_us % 1000000));
    sample_head(f, "_count", NULL, NULL);
    buf_append_u64(f->out, count);
    buf_append_char(f->out, '\n');
}

static void write_latency(const struct board *b, enum series_kind kind, struct buf *out)
{
    char text[LABELS_MAX];
    struct family f = { .out = out };
    family_begin(&f, kind_names[kind], "duration_seconds", "histogram",
                 "Time from the request's head to the end of its answer, tunnels left out");
    FOREACH_SERIES(index, b, kind, text, &f.labels)
    {
        struct histogram latency = board_latency(b, kind, index);
        write_histogram(&f, &latency);
    }
}

static void write_peer_events(const struct board *b, enum series_peer_event event, const char *what,
                              const char *help, struct buf *out)
{
    char text[LABELS_MAX];
    struct family f = { .out = out };
    family_begin(&f, "peer", what, "counter", help);
    FOREACH_SERIES(index, b, SERIES_PEER, text, &f.labels)
    {
        struct series_peer_counts counts = board_peer_counts(b, index);
        sample(&f, NULL, NULL, counter_read(&counts.by_event[event]));
    }
}

static void write_peers(const struct board *b, struct buf *out)
{
    write_peer_events(b, SERIES_PEER_REQUEST, "requests_total", "Requests sent to the peer", out);
    write_peer_events(b, SERIES_PEER_CONNECT, "connects_total", "Connections opened to the peer",
                      out);
    write_peer_events(b, SERIES_PEER_FAILURE, "failures_total",
                      "Connects that failed, and answers that did not come or were cut short", out);
    char text[LABELS_MAX];
    struct family f = { .out = out };
    family_begin(&f, "peer", "in_flight", "gauge", "Requests under way at the peer now");
    FOREACH_SERIES(index, b, SERIES_PEER, text, &f.labels)
    sample(&f, NULL, NULL, board_in_flight(b, (int)index));
}

static void write_health(const struct board *b, struct buf *out)
{
    char text[LABELS_MAX];
    struct family f = { .out = out };
    family_begin(&f, "peer", "up", "gauge", "0 while probes of the peer fail, 1 otherwise");
    FOREACH_SERIES(index, b, SERIES_PEER, text, &f.labels)
    sample(&f, NULL, NULL, !peer_health_is_down(board_peer_health(b, (int)index)));
    family_begin(&f, "peer", "probes_total", "counter", "Probes of the peer, by how they ended");
    FOREACH_SERIES(index, b, SERIES_PEER, text, &f.labels)
    {
        struct health_view v = peer_health_view(board_peer_health(b, (int)index));
        sample(&f, "result", "passed", v.passed);
        sample(&f, "result", "failed", v.failed);
    }
}

static void write_peer_states(const struct board *b, struct buf *out)
{
    char text[LABELS_MAX];
    struct family f = { .out = out };
    uint64_t now_ms = clock_now_ms();
    family_begin(&f, "peer", "ejected", "gauge", "1 while the peer gets trials alone");
    FOREACH_SERIES(index, b, SERIES_PEER, text, &f.labels)
    sample(&f, NULL, NULL, peer_state_is_ejected(board_peer_state(b, (int)index)));
    family_begin(&f, "peer", "latency_ewma_microseconds", "gauge",
                 "Peak-EWMA of the time to the answer's head, 0 where nothing is known");
    FOREACH_SERIES(index, b, SERIES_PEER, text, &f.labels)
    sample(&f, NULL, NULL,
           (uint64_t)peer_state_latency_us(board_peer_state(b, (int)index), now_ms));
}

static void problem(const struct family *f, const char *part, const char *why)
{
    buf_printf(f->out, "%s{%.*s,part=\"%s\",why=\"%s\"} 1\n", f->name, SLICE_ARG(f->labels), part,
               why);
}

/* The texts have nothing in them that would have to be escaped. */
static void write_problems(const struct board *b, struct buf *out)
{
    char text[LABELS_MAX], why[HEALTH_TEXT_BYTES];
    struct family f = { .out = out };
    family_begin(&f, "peer", "problem", "gauge",
                 "1 for what keeps requests from the peer: its probes, its answers, its name");
    FOREACH_SERIES(index, b, SERIES_PEER, text, &f.labels)
    {
        struct health_view health = peer_health_view(board_peer_health(b, (int)index));
        const struct peer_state *state = board_peer_state(b, (int)index);
        struct health_report last = peer_state_last_failure(state);
        if (health.state == HEALTH_DOWN)
            problem(&f, "probes", health_report_text(&health.last, why));
        if (peer_state_is_ejected(state))
            problem(&f, "answers", health_report_text(&last, why));
        if (counter_read(&board_peer_addresses(b, (int)index)->problem))
            problem(&f, "name", "cannot be looked up");
    }
}

static void write_closures(const struct board *b, struct buf *out)
{
    char text[LABELS_MAX];
    struct family f = { .out = out };
    family_begin(&f, "upstream", "closed", "gauge", "1 while the upstream is closed for work");
    FOREACH_SERIES(index, b, SERIES_UPSTREAM, text, &f.labels)
    sample(&f, NULL, NULL, closure_is_set(board_closure(b, (int)index)));
}

void prometheus_write(const struct board *b, const char *version, struct buf *out)
{
    static const enum series_kind kinds[] = { SERIES_ROUTE, SERIES_UPSTREAM };

    write_states(b, version, out);
    write_counters(b, out);
    write_gauges(b, out);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        write_responses(b, kinds[i], out);
        write_bytes(b, kinds[i], out);
        write_latency(b, kinds[i], out);
    }
    write_peers(b, out);
    write_health(b, out);
    write_peer_states(b, out);
    write_problems(b, out);
    write_closures(b, out);
}
