/* Asks the nodes what they have counted, phase by phase, and has them break and mend provinces: by
 * their own /stats and /outages (see `cong-bench node --help`). Those that do not answer at once
 * are left out. */
#ifndef RUN_NODE_WATCH_H
#define RUN_NODE_WATCH_H

#include "bench/measure/result.h"
#include "common/err.h"

#include <netinet/in.h>

#define NODE_WATCH_MAX 16

struct node_watch {
    const struct scenario *scenario; /* borrowed */
    struct sockaddr_in nodes[NODE_WATCH_MAX];
    uint32_t count;
    uint32_t phase; /* the one that is counted; phase_count: none yet */
};

/* Nobody is asked yet. */
void node_watch_init(struct node_watch *w, const struct scenario *s,
                     const struct sockaddr_in *nodes, uint32_t count);
/* `phase` is under way, or phase_count: all are over. What was counted in the one before goes to
 * `r`, and counting begins anew. */
void node_watch_phase(struct node_watch *w, uint32_t phase, struct result *r);

/* Of province p peer k listens as listener 1 + p * province_peers + k of the first node. */
uint32_t node_watch_listener(const struct scenario *s, uint32_t province, uint32_t peer);
int node_watch_break(const struct node_watch *w, const struct scenario_fault *fault,
                     struct err *e) MUST_CHECK;

#endif
