/* The keeper's side of the store: whatever is periodic. Decides whether Redis is away (the node's
 * mode), counts the nodes that share it, and gives each part its turn. */
#ifndef STORE_STORE_KEEPER_H
#define STORE_STORE_KEEPER_H

#include "observe/board.h"
#include "store/store.h"

struct store_keeper;
struct tls_tickets;

/* `tickets` is the section of ticket keys that nodes share; the keeper is its one writer. */
struct store_keeper *store_keeper_new(struct loop *loop, struct store_region *region,
                                      struct metrics *metrics, struct tls_tickets *tickets);
void store_keeper_apply(struct store_keeper *k, const struct config *config);
/* NULL-safe; *k is NULL after. */
void store_keeper_free(struct store_keeper **k);

#endif
