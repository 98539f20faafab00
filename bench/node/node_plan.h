/* What one request asks of its own answer, by query parameters: the way for a test to see a slow,
 * broken or peculiar node without starting another one. Parameters that are not ours are ignored.
 */
#ifndef NODE_PLAN_H
#define NODE_PLAN_H

#include "common/buf.h"
#include "common/err.h"
#include "common/slice.h"

#define NODE_PLAN_UNSET UINT64_MAX

enum node_plan_close {
    NODE_CLOSE_NEVER,     /* only as HTTP says */
    NODE_CLOSE_HEAD,      /* instead of the head */
    NODE_CLOSE_BODY,      /* in the middle of the body, between two chunks if it has any */
    NODE_CLOSE_MID_CHUNK, /* in the middle of a chunk */
    NODE_CLOSE_END,       /* no length: the body ends with the connection, as it should */
};

struct node_plan {
    uint64_t delay_ms;           /* NODE_PLAN_UNSET: the node's own latency */
    uint64_t status;             /* NODE_PLAN_UNSET: what the path answers */
    uint64_t bytes;              /* NODE_PLAN_UNSET: the body that the path answers */
    uint64_t close;              /* enum node_plan_close */
    uint64_t interim;            /* 0: none */
    uint64_t rate;               /* of the body, bytes a second; 0: as fast as it goes */
    uint64_t expect;             /* 0: 100-continue is welcome; else the status that refuses it */
    uint64_t count, interval_ms; /* of events */
    uint64_t chunked, trailer, hang, echo_body; /* flags */
    struct buf headers;                         /* owned; raw lines, each with its CRLF */
};

/* `plan` is zeroed or was used before. */
void node_plan_reset(struct node_plan *plan);
void node_plan_fini(struct node_plan *plan);

/* Negative ERR_* with a sentence in `e` when a parameter has a value that makes no sense. */
int node_plan_read(struct node_plan *plan, struct slice query, struct err *e) MUST_CHECK;

#endif
