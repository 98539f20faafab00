/* A loop that looks for news no more often than every COALESCE_US, as a network card coalesces
 * interrupts: with hundreds of answers a second in each of many processes on one core, waking up
 * for each of them costs more than reading it. What is measured can only become longer by it, never
 * shorter: an action is sent, and an answer seen, up to COALESCE_US later. */
#ifndef LOAD_COALESCE_H
#define LOAD_COALESCE_H

#include "common/base.h"

#include <uv.h>

#define COALESCE_US 2000

struct coalesce {
    uv_prepare_t prepare;
    uint64_t looked_us; /* monotonic */
};

/* From now on, until coalesce_stop(). The memory belongs to the loop until that has run its closing
 * callbacks. */
void coalesce_start(struct coalesce *c, uv_loop_t *loop);
/* Safe when it was never started (zeroed) or is stopped already. */
void coalesce_stop(struct coalesce *c);

#endif
