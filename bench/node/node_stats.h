/* What a node has seen, for tests and proofs to compare with what others say. */
#ifndef NODE_STATS_H
#define NODE_STATS_H

#include "common/json.h"

#define NODE_METHODS 64 /* above every enum llhttp_method */

struct node_stats {
    uint64_t requests; /* heads that could be read; those of /stats are not counted */
    uint64_t methods[NODE_METHODS];
    uint64_t bad_requests;
    uint64_t bodies, body_bytes; /* bodies that came complete; bytes of all */
    uint64_t aborted;            /* the client left before the answer was written */
    uint64_t repeats;            /* requests with the X-Request-ID of an earlier one */
    uint64_t
        faults; /* errors, hangs and resets that rates asked for, and all that suffered an outage */
    uint64_t dossiers;
    uint64_t websockets, messages; /* handshakes; messages echoed */
    uint64_t accepted, open, peak; /* connections */
};

/* Open connections stay open; the peak falls to them. */
void node_stats_reset(struct node_stats *s);

/* The members of an object that the caller has opened. */
void node_stats_write(const struct node_stats *s, struct json *j);

#endif
