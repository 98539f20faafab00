/* The part of the configuration that says where requests go (see config.h). */
#ifndef CONFIG_CONFIG_ROUTE_H
#define CONFIG_CONFIG_ROUTE_H

#include "config/config_limit.h"
#include "config/config_session.h"
#include "config/config_submission.h"
#include "config/config_upstream.h"

#define CONFIG_ROUTES_MAX 1024

enum config_request_buffering {
    CONFIG_REQUEST_STREAM, /* a body goes on as it comes */
    CONFIG_REQUEST_WHOLE,  /* when it is complete */
};

/* Where an answer waits whose client is slower than its peer. */
enum config_response_buffering {
    CONFIG_RESPONSE_OFF, /* nowhere: the peer waits */
    CONFIG_RESPONSE_MEMORY,
    CONFIG_RESPONSE_SPOOL, /* and then in a file */
};

struct config_header {
    struct slice name, value;
};

struct config_route {
    const char *name;    /* for logs and metrics; by default host and path */
    struct slice *hosts; /* lower case; "*.example.vn" matches one or more labels; none: any host */
    size_t host_count;
    struct slice path;     /* prefix, canonical; matches whole segments */
    struct slice *methods; /* none: any */
    size_t method_count;
    size_t upstream;          /* index into config.upstreams; CONFIG_NONE with a redirect */
    struct slice redirect_to; /* "https://host" or "https://host/path": 301/308 there, the rest of
                                 the path kept */
    struct slice rewrite;     /* replaces the matched prefix; data NULL: forwarded as it came */
    struct config_header *add_headers; /* set on every response */
    size_t add_header_count;
    struct slice *remove_headers; /* removed from the backend's response */
    size_t remove_header_count;
    const struct config_rate_limit **rate_limits; /* all of which must allow a request */
    size_t rate_limit_count;
    size_t *uses; /* indexes into config.systems */
    size_t use_count;
    uint32_t priority; /* 0: it goes before all others when there is a queue */
    enum config_session_need session;
    enum config_affinity affinity;
    struct config_submission *submission; /* NULL: its requests are none */
    uint64_t body_limit_bytes;
    enum config_request_buffering request_buffering;
    enum config_response_buffering response_buffering;
    uint32_t response_timeout_ms; /* 0: the upstream's */
    uint32_t websocket_idle_ms;
};

#define CONFIG_NONE ((size_t)-1)

#endif
