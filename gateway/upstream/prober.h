/* Probes the peers of all upstreams that want it, for the whole gateway: the keeper has the only
 * one, so that a peer is asked once an interval however many workers there are, and a worker that
 * is busy judges nobody.
 *
 * Verdicts are on the board (observe/peer_health.h): a reload keeps those of peers that stay, and
 * the keeper that follows on a dead one goes on with them. */
#ifndef UPSTREAM_PROBER_H
#define UPSTREAM_PROBER_H

#include "config/config.h"
#include "net/loop.h"
#include "observe/board.h"

struct prober;

/* Both are borrowed. */
struct prober *prober_new(struct loop *loop, struct board *board);
/* `config` is borrowed until the next call; the one before it may be freed after this. */
void prober_apply(struct prober *p, const struct config *config);
/* Probes under way end with the loop. NULL-safe; *p is NULL after. */
void prober_free(struct prober **p);

#endif
