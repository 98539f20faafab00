/* The keeper's part of gates: four times a second it looks at what all workers have counted, and
 * says how many requests may be in flight and which upstreams are left alone. While there is no
 * keeper what it said last holds. */
#ifndef UPSTREAM_GATE_KEEPER_H
#define UPSTREAM_GATE_KEEPER_H

#include "config/config.h"
#include "net/loop.h"
#include "observe/board.h"

struct gate_keeper;

/* Borrows both. */
struct gate_keeper *gate_keeper_new(struct loop *loop, struct board *board);
/* Other upstreams and limits; `config` is looked at during the call only. */
void gate_keeper_apply(struct gate_keeper *k, const struct config *config);
/* NULL-safe; *pointer is NULL after. */
void gate_keeper_free(struct gate_keeper **pointer);

#endif
