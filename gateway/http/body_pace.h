/* Whether a client sends the body that it announced at some least rate (timeouts.min_body_rate). A
 * limit on pauses alone would let a byte a minute hold a connection, and what stands behind it, for
 * ever.
 *
 * Averaged over stretches of twice timeouts.request_body, the longest pause that is allowed: who
 * has paused for so long has as much time again to make up for it. Time in which we did not want to
 * read does not count. Needs no timer: it is asked whenever something comes, which the limit on
 * pauses sees to. */
#ifndef HTTP_BODY_PACE_H
#define HTTP_BODY_PACE_H

#include "config/config.h"

struct body_pace {
    uint64_t since_us;   /* when the stretch began, moved on by the time that did not count */
    uint64_t before;     /* bytes that had come by then */
    uint64_t stopped_us; /* since when we do not want to read; 0: we do */
};

/* A stretch begins, of a body of which so much has come. */
void body_pace_begin(struct body_pace *p, uint64_t bytes, uint64_t now_us);
/* We do not want to read; and we want to again. Each is safe at any time. */
void body_pace_stop(struct body_pace *p, uint64_t now_us);
void body_pace_go_on(struct body_pace *p, uint64_t now_us);
/* More has come: so much in all. False: over the last stretch it was too little. */
bool body_pace_is_kept(struct body_pace *p, const struct config_timeouts *t, uint64_t bytes,
                       uint64_t now_us) MUST_CHECK;

#endif
