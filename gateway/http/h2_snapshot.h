/* What both ends of an HTTP/2 connection still rely on when it has no streams, so that its session
 * of nghttp2 can be let go of and made anew: how far the client has counted its requests, what it
 * takes of us, and what it knows of our settings.
 *
 * There is more to a session: fields that the other side remembers (HPACK), frames begun, SETTINGS
 * that wait for their acknowledgement. Whoever takes a snapshot sees to it that there is none of
 * that (h2_sleep.c). Our own table of fields needs no care: ours may begin empty while the client's
 * still has entries, for it drops its oldest first, and they are all older than any we will name.
 */
#ifndef HTTP_H2_SNAPSHOT_H
#define HTTP_H2_SNAPSHOT_H

#include "common/base.h"
#include "config/config.h"

#include <nghttp2/nghttp2.h>

struct h2_snapshot {
    int32_t last_id;            /* of the streams that the client has begun */
    uint32_t window_bytes;      /* what it takes, on all streams together */
    uint32_t stream_bytes;      /* and on a new one */
    uint32_t frame_bytes;       /* in a frame */
    uint32_t table_bytes;       /* of fields that it remembers */
    uint32_t our_stream_bytes;  /* what we have said that we take on a new stream */
    uint16_t our_streams;       /* and how many it may begin */
    bool no_rfc7540_priorities; /* it has said that it sends none */
};

/* `session` has no streams. */
void h2_snapshot_take(struct h2_snapshot *s, nghttp2_session *session, int32_t last_id);

/* The limits that the client knows of, which may have been changed since: what the session that is
 * made anew has to begin with. */
void h2_snapshot_limits(const struct h2_snapshot *s, struct config_limits *limits);

/* Brings a new session to where the former one was. Nothing has been read from it or written to it
 * but for `settings` frames of SETTINGS that were submitted; it wants no preface, and its callbacks
 * do nothing meanwhile. False: it is of no use. */
bool h2_snapshot_restore(const struct h2_snapshot *s, nghttp2_session *session,
                         unsigned settings) MUST_CHECK;

#endif
