/* One answer: what its head says and how its body comes. Sans I/O: it writes into a node_out.
 *
 * A handler fills in status, headers and body; node_answer_plan() then bends them to what the
 * request asked for (chunks, a trailer, a pace, an early end); node_answer_begin() writes the head,
 * and node_answer_continue() the body, a piece at a time. Pooled like the request that it answers.
 */
#ifndef NODE_ANSWER_H
#define NODE_ANSWER_H

#include "bench/node/node_out.h"
#include "bench/node/node_plan.h"
#include "bench/node/node_request.h"
#include "common/buf.h"

enum node_answer_body {
    NODE_BODY_TEXT,    /* in `text`, which may be empty */
    NODE_BODY_CONTENT, /* body_bytes of a block, repeated */
    NODE_BODY_EVENTS,  /* server-sent events; the length is not known */
};

enum node_answer_step {
    NODE_ANSWER_SEND,  /* send what was written, then go on */
    NODE_ANSWER_PAUSE, /* send, then go on after a pause */
    NODE_ANSWER_DONE,
    NODE_ANSWER_DIE, /* send, then close: the body stays incomplete */
};

struct node_answer {
    unsigned status;
    const char *type;   /* borrowed, static; NULL: no Content-Type */
    struct buf headers; /* more header lines, each with its CRLF */

    enum node_answer_body body;
    struct buf text;
    const char *block; /* borrowed: NODE_CONTENT_BLOCK bytes */
    uint64_t body_bytes, sent_bytes;
    uint64_t event_count, events_sent, interval_ms; /* event_count 0: without end */
    bool upgrades;                                  /* to WebSocket, once the head is out */

    bool minor_0; /* the request was HTTP/1.0 */
    bool keep_alive, head_only, chunked, length_unknown, trailer;
    enum node_plan_close close;
    uint64_t end_bytes, end_events; /* where a body that ends early does */
    uint64_t rate;
};

void node_answer_reset(struct node_answer *a);
void node_answer_fini(struct node_answer *a);

/* An answer with a body in a->text, for the caller to fill. */
void node_answer_set_text(struct node_answer *a, unsigned status, const char *type);
void node_answer_set_content(struct node_answer *a, const char *type, const char *block,
                             uint64_t bytes);
/* A line of text that says why not. */
void node_answer_refuse(struct node_answer *a, unsigned status, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void node_answer_add_header(struct node_answer *a, const char *name, const char *value);

/* To be called once, between the handler and the head. */
void node_answer_plan(struct node_answer *a, const struct node_plan *plan,
                      const struct node_request *r);

/* `common` holds the header lines of every answer of this node. */
void node_answer_begin(struct node_answer *a, struct slice common, struct node_out *out);
enum node_answer_step node_answer_continue(struct node_answer *a, struct node_out *out,
                                           uint64_t *pause_ms) MUST_CHECK;

/* An interim answer (1xx), whole. */
void node_answer_interim(unsigned status, struct node_out *out);

#endif
