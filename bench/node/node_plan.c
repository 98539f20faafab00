#include "bench/node/node_plan.h"

#include "bench/node/latency.h"
#include "bench/node/query.h"
#include "config/units.h"

#define HEADERS_BYTES (64 * 1024)

enum kind { FLAG, NUMBER, SIZE, DURATION, CLOSE, HEADER };

static const struct parameter {
    const char *name;
    enum kind kind;
    size_t field;
    uint64_t min, max;
} parameters[] = {
    { "delay", DURATION, offsetof(struct node_plan, delay_ms), 0, LATENCY_MAX_MS },
    { "status", NUMBER, offsetof(struct node_plan, status), 200, 999 },
    { "bytes", SIZE, offsetof(struct node_plan, bytes), 0, UINT64_MAX / 2 },
    { "chunked", FLAG, offsetof(struct node_plan, chunked), 0, 1 },
    { "close", CLOSE, offsetof(struct node_plan, close), 0, 0 },
    { "hang", FLAG, offsetof(struct node_plan, hang), 0, 1 },
    { "header", HEADER, 0, 0, 0 },
    { "interim", NUMBER, offsetof(struct node_plan, interim), 102, 199 },
    { "trailer", FLAG, offsetof(struct node_plan, trailer), 0, 1 },
    { "rate", SIZE, offsetof(struct node_plan, rate), 1, UINT64_MAX / 2000 },
    { "expect", NUMBER, offsetof(struct node_plan, expect), 400, 599 },
    { "count", NUMBER, offsetof(struct node_plan, count), 0, UINT64_MAX },
    { "interval", DURATION, offsetof(struct node_plan, interval_ms), 0, LATENCY_MAX_MS },
    { "body", FLAG, offsetof(struct node_plan, echo_body), 0, 1 },
};

static const char *const closes[] = {
    [NODE_CLOSE_HEAD] = "head",
    [NODE_CLOSE_BODY] = "body",
    [NODE_CLOSE_MID_CHUNK] = "mid-chunk",
    [NODE_CLOSE_END] = "end",
};

void node_plan_reset(struct node_plan *plan)
{
    struct buf headers = plan->headers;
    *plan = (struct node_plan){ .delay_ms = NODE_PLAN_UNSET,
                                .status = NODE_PLAN_UNSET,
                                .bytes = NODE_PLAN_UNSET,
                                .count = 10,
                                .interval_ms = 100,
                                .headers = headers };
    plan->headers.cap = HEADERS_BYTES;
    buf_clear(&plan->headers);
}

void node_plan_fini(struct node_plan *plan)
{
    buf_fini(&plan->headers);
}

static const struct parameter *find(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (slice_eq(name, slice_str(parameters[i].name)))
            return &parameters[i];
    return NULL;
}

static bool is_digits(struct slice text)
{
    uint64_t ignored;
    return slice_to_u64(text, &ignored);
}

static int read_number(const struct parameter *p, struct slice text, uint64_t *value, struct err *e)
{
    /* Sizes and durations take plain digits too: ?bytes=100000, ?delay=0. */
    enum unit unit = p->kind == DURATION ? UNIT_DURATION : UNIT_SIZE;
    bool plain = p->kind == FLAG || p->kind == NUMBER || (p->kind == SIZE && is_digits(text)) ||
                 slice_eq(text, SLICE("0"));
    struct err why;
    int rc = units_parse(plain ? UNIT_COUNT : unit, text, value, &why);
    if (rc)
        return err_set(e, rc, "%s: %s", p->name, why.text);
    if (*value < p->min || *value > p->max)
        return err_set(e, ERR_INVALID, "%s: %.*s is out of range", p->name, SLICE_ARG(text));
    return 0;
}

static int read_close(struct slice text, uint64_t *value, struct err *e)
{
    for (size_t i = NODE_CLOSE_HEAD; i < ARRAY_LEN(closes); i++) {
        if (slice_eq(text, slice_str(closes[i]))) {
            *value = i;
            return 0;
        }
    }
    return err_set(e, ERR_INVALID, "close: write head, body, mid-chunk or end");
}

static int read_parameter(struct node_plan *plan, const struct parameter *p, struct slice value,
                          struct err *e)
{
    uint64_t *field = (uint64_t *)(void *)((char *)plan + p->field);
    switch (p->kind) {
    case CLOSE:
        return read_close(value, field, e);
    case HEADER:
        query_decode(value, &plan->headers);
        buf_append_str(&plan->headers, "\r\n");
        return buf_ok(&plan->headers) ? 0 : err_set(e, ERR_LIMIT, "header: too many bytes");
    default:
        return read_number(p, value, field, e);
    }
}

int node_plan_read(struct node_plan *plan, struct slice query, struct err *e)
{
    struct slice name, value;
    while (query_next(&query, &name, &value)) {
        const struct parameter *p = find(name);
        int rc = p ? read_parameter(plan, p, value, e) : 0;
        if (rc)
            return rc;
    }
    return 0;
}
