/* Whether a worker has room for new connections. Without it the supervisor is asked to steer them
 * to other workers; those that come all the same, a few more at first, are closed at once, so that
 * what is left of the descriptors is for the requests of those who are in. It looks by itself
 * whether there is room again. */
#ifndef PROCESS_ROOM_H
#define PROCESS_ROOM_H

#include "net/loop.h"
#include "observe/metrics.h"

struct room {
    struct loop *loop;       /* borrowed */
    struct metrics *metrics; /* borrowed: tell how many are open */
    uint32_t connections_max;
    bool full, closed;
    struct timer timer;
    void (*on_change)(struct room *r); /* `full` has changed */
};

void room_init(struct room *r, struct loop *loop, struct metrics *metrics, uint32_t connections_max,
               void (*on_change)(struct room *r));

/* False: the connection that waits is to be closed. */
bool room_admits(const struct room *r);
/* A connection has come. */
void room_taken(struct room *r);
/* Nobody is admitted from now on, or as usual. */
void room_close(struct room *r, bool closed);

#endif
