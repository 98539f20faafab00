/* Looks up, for the whole gateway, where peers are that the configuration knows by name, and goes
 * on doing so: the keeper has the only one. What it finds is on the board
 * (observe/peer_addresses.h).
 *
 * The last good answer stays until there is another: a resolver that is away, or an answer that is
 * spoiled or empty, takes no peer out. */
#ifndef UPSTREAM_NAMES_H
#define UPSTREAM_NAMES_H

#include "config/config.h"
#include "net/loop.h"
#include "observe/board.h"

struct names;

/* Both are borrowed. */
struct names *names_new(struct loop *loop, struct board *board);
/* Asks after names that are new at once. */
void names_apply(struct names *n, const struct config *config);
/* NULL-safe; *n is NULL after. */
void names_free(struct names **n);

#endif
