#include "bench/node/node_out.h"

#define SCRATCH_BYTES                                                                              \
    (4 * 1024 * 1024)   /* above the largest run ever copied whole: a WebSocket message */
#define LEND_BYTES 4096 /* below this a copy is cheaper than a part of its own */
#define SPARE_PARTS 8

void node_out_init(struct node_out *o)
{
    *o = (struct node_out){ 0 };
    buf_init(&o->scratch, SCRATCH_BYTES);
}

void node_out_fini(struct node_out *o)
{
    buf_fini(&o->scratch);
}

void node_out_clear(struct node_out *o)
{
    buf_clear(&o->scratch);
    o->part_count = 0;
    o->bytes = 0;
}

static void add_part(struct node_out *o, const char *lent, size_t at, size_t len)
{
    assert(o->part_count < NODE_OUT_PARTS);
    o->parts[o->part_count++] = (struct node_out_part){ lent, at, len };
}

void node_out_copy(struct node_out *o, struct slice s)
{
    if (s.len == 0)
        return;
    size_t at = o->scratch.len;
    buf_append_slice(&o->scratch, s);
    struct node_out_part *last = o->part_count ? &o->parts[o->part_count - 1] : NULL;
    if (last && !last->lent)
        last->len += s.len;
    else
        add_part(o, NULL, at, s.len);
    o->bytes += s.len;
}

void node_out_lend(struct node_out *o, struct slice s)
{
    if (s.len < LEND_BYTES) {
        node_out_copy(o, s);
        return;
    }
    add_part(o, s.data, 0, s.len);
    o->bytes += s.len;
}

bool node_out_is_full(const struct node_out *o)
{
    return o->bytes >= NODE_OUT_BYTES || o->part_count >= NODE_OUT_PARTS - SPARE_PARTS;
}
