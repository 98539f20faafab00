/* Tells texts that come again from new ones, of the last hundred thousand or so: for requests that
 * a gateway tries more than once. Two megabytes from the first text on. */
#ifndef NODE_SEEN_H
#define NODE_SEEN_H

#include "common/slice.h"

/* Zeroed: none. */
struct node_seen {
    uint64_t *digests; /* owned */
};

void node_seen_fini(struct node_seen *s);

/* Remembers `text`, and says whether it came before. */
bool node_seen_before(struct node_seen *s, struct slice text);

#endif
