/* An answer whose client is slower than its peer. It is read to its end all the same, as far as
 * there is room, so that a slow client holds no backend: the connection to the peer is free when
 * the answer has been read, and the client takes the rest from here.
 *
 * Nothing is delayed: what the client takes at once never comes here. Beyond the room that the
 * route gives (spool.memory, then a file of up to spool.answer, within half the quota) the peer
 * waits, as it does from the start where the route, the peer or the kind of answer wants no reading
 * ahead. */
#ifndef PIPELINE_READ_AHEAD_H
#define PIPELINE_READ_AHEAD_H

#include "pipeline/passage.h"

/* Of the answer in ex->response. */
bool read_ahead_is_wanted(const struct passage *p);
/* There is no more room for now: the peer is to wait. */
bool read_ahead_is_stalled(const struct passage *p);

/* The answer comes from the peer: it goes on to the client, or waits behind what waits already. */
void read_ahead_body(struct passage *p, struct slice data);
void read_ahead_end(struct passage *p, const struct headers *trailers);
/* The client takes some again. */
void read_ahead_go_on(struct passage *p);
/* Gives back all that it has. */
void read_ahead_drop(struct passage *p);

#endif
