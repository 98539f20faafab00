/* Answers that are ready before they are asked for: what a benchmark asks for most often costs a
 * copy, no more. Only the date in them changes, once a second. */
#ifndef NODE_CANNED_H
#define NODE_CANNED_H

#include "bench/node/node_answer.h"
#include "common/clock.h"

enum node_canned_kind { NODE_CANNED_NONE, NODE_CANNED_PAGE, NODE_CANNED_PLAIN, NODE_CANNED_KINDS };

struct node_canned {
    char date[CLOCK_HTTP_LEN + 1];
    uint64_t date_until_ms;
    struct buf common; /* the header lines of every answer, the date first */
    struct node_canned_answer {
        struct buf bytes; /* head and body; empty: this one is not kept ready */
        size_t date_at;
    } answers[NODE_CANNED_KINDS];
};

void node_canned_init(struct node_canned *c, const char *node_name);
void node_canned_fini(struct node_canned *c);

/* Keeps `a`, fit for a keep-alive GET, ready; does nothing when it is large. */
void node_canned_add(struct node_canned *c, enum node_canned_kind kind, struct node_answer *a);

/* `now_ms` is the loop's. Data NULL: there is no such answer. */
struct slice node_canned_answer(struct node_canned *c, enum node_canned_kind kind, uint64_t now_ms);
struct slice node_canned_common(struct node_canned *c, uint64_t now_ms);

#endif
