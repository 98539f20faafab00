/* Whether a client whose socket is full takes its answer at some least rate
 * (timeouts.min_send_rate, over timeouts.send).
 *
 * What counts is what its kernel has acknowledged, so that one behind a slow line is told from one
 * that takes nothing, long before the socket takes more of us. Most are full for a moment only: the
 * kernel is asked about those alone who stay so. */
#ifndef HTTP_SEND_PACE_H
#define HTTP_SEND_PACE_H

#include "config/config.h"
#include "net/stream.h"

struct send_pace {
    uint32_t acknowledged; /* at the last look, and odd; wraps around. 0: not looked yet */
};

/* The socket is full from now on. Returns when to look, in milliseconds. */
uint32_t send_pace_begin(struct send_pace *p, const struct config_timeouts *t);
/* It still is. Returns when to look again; 0: the client has taken too little. */
uint32_t send_pace_look(struct send_pace *p, const struct stream *s,
                        const struct config_timeouts *t) MUST_CHECK;
/* What has to be taken in timeouts.send; at least a byte. */
uint32_t send_pace_bytes(const struct config_timeouts *t);

#endif
