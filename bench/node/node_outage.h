/* What is broken at a node while it runs: outages, switched on and off by POST /outages. Each is of
 * one address that the node listens at (in the order of --listen, from 0) or of all, and perhaps
 * only of the paths that begin in one way.
 *
 *     hang    requests are taken, and never answered
 *     slow    answers take `time`
 *     reset   the work is done, and the connection reset instead of an answer
 *     flap    for `time` the address refuses connections, for as long it works, and so on
 *     none    ends the outages of the address, or of all; of a path, or of all paths */
#ifndef NODE_OUTAGE_H
#define NODE_OUTAGE_H

#include "common/err.h"
#include "common/slice.h"

#define NODE_OUTAGES_MAX 128
#define NODE_OUTAGE_PATH_LEN 63
#define NODE_EVERYWHERE UINT32_MAX

enum node_outage_kind {
    NODE_OUTAGE_NONE,
    NODE_OUTAGE_HANG,
    NODE_OUTAGE_SLOW,
    NODE_OUTAGE_RESET,
    NODE_OUTAGE_FLAP,
};

struct node_outage {
    enum node_outage_kind kind;
    uint32_t listener; /* or NODE_EVERYWHERE */
    uint64_t time_ms;
    char path[NODE_OUTAGE_PATH_LEN + 1]; /* "": any */
};

/* Zeroed: all is well. */
struct node_outages {
    struct node_outage all[NODE_OUTAGES_MAX];
    size_t count;
};

/* From the query "kind=slow&time=3s&listener=2&path=/dan-cu/"; a node has so many `listeners`.
 * Negative ERR_* with a sentence in `e`. */
int node_outage_read(struct node_outage *o, struct slice query, size_t listeners,
                     struct err *e) MUST_CHECK;
/* Takes the place of an outage of the same address and path. ERR_LIMIT when there are too many. */
int node_outages_change(struct node_outages *outages, const struct node_outage *o,
                        struct err *e) MUST_CHECK;

/* The one that this request suffers from, the longest path first; NULL when there is none. A
 * flapping address does not count: while it is down, no request comes. */
const struct node_outage *node_outages_find(const struct node_outages *outages, uint32_t listener,
                                            struct slice path);
/* How long this address is up, and down; 0: it does not flap. */
uint64_t node_outages_flap_ms(const struct node_outages *outages, uint32_t listener);

#endif
