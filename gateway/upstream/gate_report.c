#include "upstream/gate_report.h"

#include "observe/board_gates.h"

#include <stdio.h>

static const char *const class_names[GATE_CLASSES] = {
    [GATE_READ] = "read", [GATE_SUBMIT] = "submit"
};

struct figures {
    uint32_t in_flight, waiting, limit;
    uint64_t slow, failures, shed[GATE_SHED_KINDS];
};

static struct figures figures_of(const struct board *b, int gate)
{
    const struct gate_cell *cells = board_gate_cells(b, gate);
    struct figures f = { .limit = gate_read32(&board_gate_state(b, gate)->limit) };
    for (uint32_t slot = 0, end = board_workers_end(b); slot < end; slot++) {
        f.in_flight += gate_read32(&cells[slot].in_flight);
        f.waiting += gate_read32(&cells[slot].waiting);
        f.slow += counter_read(&cells[slot].slow);
        f.failures += counter_read(&cells[slot].failures);
        for (size_t i = 0; i < GATE_SHED_KINDS; i++)
            f.shed[i] += counter_read(&cells[slot].shed[i]);
    }
    return f;
}

/* ---- Prometheus ---- */

typedef void (*gate_fn)(const struct figures *f, const char *metric, const char *labels,
                        struct buf *out);

static void in_flight(const struct figures *f, const char *metric, const char *labels,
                      struct buf *out)
{
    buf_printf(out, "%s{%s} %u\n", metric, labels, f->in_flight);
}

static void limit(const struct figures *f, const char *metric, const char *labels, struct buf *out)
{
    buf_printf(out, "%s{%s} %u\n", metric, labels, f->limit);
}

static void waiting(const struct figures *f, const char *metric, const char *labels,
                    struct buf *out)
{
    buf_printf(out, "%s{%s} %u\n", metric, labels, f->waiting);
}

static void shed(const struct figures *f, const char *metric, const char *labels, struct buf *out)
{
    for (size_t i = 0; i < GATE_SHED_KINDS; i++)
        buf_printf(out, "%s{%s,reason=\"%s\"} %llu\n", metric, labels,
                   gate_shed_name((enum gate_shed)i), (unsigned long long)f->shed[i]);
}

static void slow(const struct figures *f, const char *metric, const char *labels, struct buf *out)
{
    buf_printf(out, "%s{%s} %llu\n", metric, labels, (unsigned long long)f->slow);
}

static void failures(const struct figures *f, const char *metric, const char *labels,
                     struct buf *out)
{
    buf_printf(out, "%s{%s} %llu\n", metric, labels, (unsigned long long)f->failures);
}

/* Names are letters, digits, '.', '_' and '-': nothing of them needs to be escaped. */
#define LABELS_BYTES (BOARD_NAME_MAX + 64)

static void write_upstreams(const struct board *b, const char *metric, gate_fn write,
                            struct buf *out)
{
    char name[BOARD_NAME_MAX + 1], labels[LABELS_BYTES];
    for (uint32_t i = 0; i < BOARD_UPSTREAMS_MAX; i++) {
        if (!board_name(b, SERIES_UPSTREAM, i, name))
            continue;
        for (int class = 0; class < (int)GATE_CLASSES; class ++) {
            struct figures f = figures_of(b, board_upstream_gate((int)i, (enum gate_class) class));
            snprintf(labels, sizeof(labels), "upstream=\"%s\",class=\"%s\"", name,
                     class_names[class]);
            write(&f, metric, labels, out);
        }
    }
}

static void write_systems(const struct board *b, const char *metric, gate_fn write, struct buf *out)
{
    char name[BOARD_NAME_MAX + 1], labels[LABELS_BYTES];
    for (uint32_t i = 0; i < BOARD_SYSTEMS_MAX; i++) {
        if (!board_name(b, SERIES_SYSTEM, i, name))
            continue;
        struct figures f = figures_of(b, board_system_gate((int)i));
        snprintf(labels, sizeof(labels), "system=\"%s\"", name);
        write(&f, metric, labels, out);
    }
}

static void write_breakers(const struct board *b, struct buf *out)
{
    char name[BOARD_NAME_MAX + 1];
    buf_append_str(
        out,
        "# HELP cong_upstream_breaker 0 while requests pass, 1 while they are "
        "refused, 2 while one that reads is tried, 3 any.\n# TYPE cong_upstream_breaker gauge\n");
    for (uint32_t i = 0; i < BOARD_UPSTREAMS_MAX; i++)
        if (board_name(b, SERIES_UPSTREAM, i, name))
            buf_printf(
                out, "cong_upstream_breaker{upstream=\"%s\"} %u\n", name,
                gate_read32(&board_gate_state(b, board_upstream_gate((int)i, GATE_READ))->breaker));
}

void gate_report_prometheus(const struct board *b, struct buf *out)
{
    static const struct {
        const char *upstream, *system, *type, *help;
        gate_fn write;
    } families[] = {
        { "cong_upstream_in_flight", "cong_system_in_flight", "gauge",
          "Requests that wait for the head of their answer", in_flight },
        { "cong_upstream_limit", "cong_system_limit", "gauge", "How many may wait at once", limit },
        { "cong_upstream_waiting", "cong_system_waiting", "gauge", "Requests that wait for a slot",
          waiting },
        { "cong_upstream_shed_total", "cong_system_shed_total", "counter",
          "Requests refused without being sent: the queue was full, they had waited too long, or "
          "the upstream fails",
          shed },
        { "cong_upstream_slow_total", NULL, "counter",
          "Answers that came much later than is usual for their route", slow },
        { "cong_upstream_failures_total", NULL, "counter",
          "Attempts without an answer, or with 502, 503 or 504", failures },
    };
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const char *const names[] = { families[i].upstream, families[i].system };
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            if (!names[k])
                continue;
            buf_printf(out, "# HELP %s %s.\n# TYPE %s %s\n", names[k], families[i].help, names[k],
                       families[i].type);
            (k ? write_systems : write_upstreams)(b, names[k], families[i].write, out);
        }
    }
    write_breakers(b, out);
}

/* ---- for people ---- */

static void describe(const struct figures *f, uint32_t most, const char *what, char *text)
{
    int len = snprintf(text, GATE_REPORT_TEXT_BYTES, "%u of %u %s in flight", f->in_flight,
                       f->limit, what);
    if (f->waiting && len > 0 && len < GATE_REPORT_TEXT_BYTES)
        len +=
            snprintf(text + len, (size_t)(GATE_REPORT_TEXT_BYTES - len), ", %u wait", f->waiting);
    if (f->limit < most && len > 0 && len < GATE_REPORT_TEXT_BYTES)
        snprintf(text + len, (size_t)(GATE_REPORT_TEXT_BYTES - len), ", fewer than usual: slow");
}

void gate_report_upstream(const struct board *b, uint32_t index, uint64_t now_ms,
                          char text[GATE_REPORT_TEXT_BYTES])
{
    const struct gate_state *s = board_gate_state(b, board_upstream_gate((int)index, GATE_READ));
    uint64_t reopens_ms = counter_read(&s->reopens_ms);
    unsigned seconds = reopens_ms > now_ms ? (unsigned)((reopens_ms - now_ms) / 1000 + 1) : 0;
    unsigned failed = gate_read32(&s->failures), all = failed + gate_read32(&s->answers);
    switch (gate_read32(&s->breaker)) {
    case GATE_OPEN:
        snprintf(text, GATE_REPORT_TEXT_BYTES,
                 "left alone: %u of %u requests failed within 10 s; tried again in %u s", failed,
                 all, seconds);
        return;
    case GATE_HALF_OPEN:
    case GATE_HALF_OPEN_ALL:
        snprintf(text, GATE_REPORT_TEXT_BYTES,
                 "being tried: %u of %u requests had failed within 10 s", failed, all);
        return;
    default:
        break;
    }
    struct figures reads = figures_of(b, board_upstream_gate((int)index, GATE_READ));
    struct figures submits = figures_of(b, board_upstream_gate((int)index, GATE_SUBMIT));
    bool worse = submits.limit < reads.limit || submits.waiting > reads.waiting;
    describe(worse ? &submits : &reads, MAX(reads.limit, submits.limit),
             worse ? "submits" : "reads", text);
}

const char *gate_report_breaker(const struct board *b, uint32_t index)
{
    switch (
        gate_read32(&board_gate_state(b, board_upstream_gate((int)index, GATE_READ))->breaker)) {
    case GATE_OPEN:
        return "refusing";
    case GATE_HALF_OPEN:
    case GATE_HALF_OPEN_ALL:
        return "trying";
    default:
        return "passing";
    }
}

void gate_report_system(const struct board *b, uint32_t index, char text[GATE_REPORT_TEXT_BYTES])
{
    struct figures f = figures_of(b, board_system_gate((int)index));
    describe(&f, f.limit, "requests", text);
}
