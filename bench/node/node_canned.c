#include "bench/node/node_canned.h"

#define CANNED_BYTES (16 * 1024)

static const struct slice date_name = { "Date: ", 6 };

static void put_date(const struct node_canned *c, struct buf *to, size_t at)
{
    memcpy(to->data + at, c->date, CLOCK_HTTP_LEN);
}

static void refresh(struct node_canned *c, uint64_t now_ms)
{
    if (LIKELY(now_ms < c->date_until_ms))
        return;
    c->date_until_ms = now_ms + 1000;
    clock_format_http(c->date, clock_wall_ms());
    put_date(c, &c->common, date_name.len);
    for (size_t i = 0; i < NODE_CANNED_KINDS; i++)
        if (c->answers[i].bytes.len)
            put_date(c, &c->answers[i].bytes, c->answers[i].date_at);
}

void node_canned_init(struct node_canned *c, const char *node_name)
{
    *c = (struct node_canned){ 0 };
    clock_format_http(c->date, clock_wall_ms());
    buf_init(&c->common, 1024);
    buf_printf(&c->common, "%.*s%s\r\nX-Node: %s\r\n", SLICE_ARG(date_name), c->date, node_name);
}

void node_canned_fini(struct node_canned *c)
{
    buf_fini(&c->common);
    for (size_t i = 0; i < NODE_CANNED_KINDS; i++)
        buf_fini(&c->answers[i].bytes);
}

void node_canned_add(struct node_canned *c, enum node_canned_kind kind, struct node_answer *a)
{
    struct node_canned_answer *answer = &c->answers[kind];
    struct node_out out;
    uint64_t pause_ms;
    node_out_init(&out);
    node_answer_begin(a, buf_slice(&c->common), &out);
    if (node_answer_continue(a, &out, &pause_ms) == NODE_ANSWER_DONE && out.bytes <= CANNED_BYTES) {
        buf_init(&answer->bytes, CANNED_BYTES);
        for (size_t i = 0; i < out.part_count; i++)
            buf_append_slice(&answer->bytes, node_out_part(&out, i));
        const char *name =
            memmem(answer->bytes.data, answer->bytes.len, date_name.data, date_name.len);
        answer->date_at = (size_t)(name - answer->bytes.data) + date_name.len;
    }
    node_out_fini(&out);
}

struct slice node_canned_answer(struct node_canned *c, enum node_canned_kind kind, uint64_t now_ms)
{
    refresh(c, now_ms);
    return buf_slice(&c->answers[kind].bytes);
}

struct slice node_canned_common(struct node_canned *c, uint64_t now_ms)
{
    refresh(c, now_ms);
    return buf_slice(&c->common);
}
