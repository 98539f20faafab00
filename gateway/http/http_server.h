/* What all client connections of one process have in common. Filled in by the process (worker or
 * keeper) and changed by it on reload; connections read it when a request begins. */
#ifndef HTTP_HTTP_SERVER_H
#define HTTP_HTTP_SERVER_H

#include "common/clock.h"
#include "common/list.h"
#include "config/config.h"
#include "http/admission.h"
#include "http/h2_flood.h"
#include "net/pacer.h"
#include "observe/metrics.h"

struct exchange_handler;

struct http_server {
    struct loop *loop;                      /* borrowed */
    const struct exchange_handler *handler; /* borrowed */
    void *handler_context;                  /* borrowed */
    struct metrics *metrics;                /* borrowed */
    struct pacer *pacer;                    /* borrowed; of handshakes. NULL: none has to wait */
    struct admission *admission;            /* borrowed; NULL: everybody may connect */
    struct config_limits limits;
    struct config_timeouts timeouts;
    bool draining;               /* answers say Connection: close, idle connections end */
    bool no_keep_alive;          /* connections end with the answers to what begins now */
    uint64_t http2_unread_bytes; /* all that h2_server.unread_bytes count */
    uint32_t http2_sleepless;    /* connections that could not go to sleep */
    bool http2_begins;           /* a session of nghttp2 is being made */
    uint64_t flood_logged_s[H2_FLOOD_KIND_COUNT]; /* when one of each kind was last logged */
    uint64_t date_second;
    char date[CLOCK_HTTP_LEN + 1]; /* of date_second */
};

/* The Date field's value for now, formatted once a second. */
struct slice http_server_date(struct http_server *s);

#endif
