/* Everything that one event wants to send on one connection, gathered for a single system call.
 *
 * One object serves the whole loop: it is filled, sent and cleared within an event. Small runs are
 * copied next to each other; large ones that outlive every write (the node's content) are lent. */
#ifndef NODE_OUT_H
#define NODE_OUT_H

#include "common/buf.h"
#include "common/slice.h"

#define NODE_OUT_PARTS 64
#define NODE_OUT_BYTES (256 * 1024) /* "full" from here on: time to send */

struct node_out_part {
    const char *lent; /* NULL: copied, at `at` of the scratch buffer */
    size_t at, len;
};

struct node_out {
    struct buf scratch;
    struct node_out_part parts[NODE_OUT_PARTS];
    size_t part_count;
    size_t bytes;
};

void node_out_init(struct node_out *o);
void node_out_fini(struct node_out *o);
void node_out_clear(struct node_out *o);

void node_out_copy(struct node_out *o, struct slice s);
/* `s` must stay as it is until the program ends. */
void node_out_lend(struct node_out *o, struct slice s);

/* Full: send before adding more. A few parts are always left for what ends a body. */
bool node_out_is_full(const struct node_out *o);

static inline struct slice node_out_part(const struct node_out *o, size_t i)
{
    const struct node_out_part *part = &o->parts[i];
    return slice_of(part->lent ? part->lent : o->scratch.data + part->at, part->len);
}

#endif
