/* The configuration as the rest of the gateway sees it: an immutable tree, checked and complete.
 *
 * Every default has been filled in, every name resolved, every file read. All of it lives in one
 * arena and is freed as a whole; pointers and slices are terminated and valid as long as it is.
 * What each key means, with unit, default and bounds, stands in settings.c; this header is only the
 * shape. Durations are milliseconds and sizes bytes, as the names say. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "common/arena.h"
#include "common/log.h"
#include "config/config_listener.h"
#include "config/config_route.h"
#include "config/config_store.h"

#define CONFIG_WORKERS_MAX 64

struct config_limits {
    uint32_t head_bytes;              /* request line and headers together: 431 */
    uint32_t target_bytes;            /* request target: 414 */
    uint32_t header_count;            /* 431 */
    uint32_t pipeline_bytes;          /* read ahead while a request is being answered */
    uint32_t http2_streams;           /* at once on a connection */
    uint32_t http2_window_bytes;      /* body of one stream that may be on its way; twice for all */
    uint32_t unsent_bytes;            /* that the kernel keeps of a connection */
    uint32_t connections_per_address; /* open at once; IPv6 by /64 */
    uint32_t connections_per_network; /* IPv6 by /48 */
    uint32_t handshakes_per_address;  /* in a minute */
    uint32_t handshakes_per_network;
    uint64_t body_bytes; /* 413; for routes that set none, which have it in body_limit_bytes */
};

struct config_timeouts {
    uint32_t handshake_ms;
    uint32_t request_head_ms; /* total, from the first byte: 408 */
    uint32_t request_body_ms; /* between two reads: 408 */
    uint32_t min_body_rate;   /* bytes a second, over twice that time: 408 */
    uint32_t send_ms;         /* a client that takes nothing for so long is closed */
    uint32_t min_send_rate;   /* or that takes so few bytes a second in that time */
    uint32_t keep_alive_ms;
    uint32_t http2_sleep_ms;  /* an idle connection's session goes after this; 0: it stays */
    uint32_t shutdown_ms;     /* how long SIGTERM and drain wait for requests under way */
    uint32_t drain_notice_ms; /* how long /ready is red before listeners stop accepting */
};

/* A file of ticket keys: next, current, and two before (tls/tls_tickets.h). */
#define CONFIG_TICKET_KEYS 4
#define CONFIG_TICKET_KEY_BYTES 80
#define CONFIG_TICKET_NAME_BYTES 16

/* How names of peers are looked up. */
struct config_resolver {
    const char *servers; /* "192.0.2.1:53,[::1]:53"; NULL: as the machine's files say */
    uint32_t interval_ms;
    uint32_t timeout_ms;
};

struct config {
    struct arena arena;
    const char *file;

    uint32_t workers; /* 0: auto */
    uint64_t capacity_users;
    uint64_t guard_memory_bytes; /* 0: auto */
    const char *user;            /* NULL: stay who we are */
    const char *runtime_dir;

    enum log_level log_level;
    const char *log_file;        /* NULL: standard error */
    const char *access_log_file; /* NULL: none; "stdout" is standard output */
    uint32_t access_log_flush_ms;

    struct config_limits limits;
    struct config_sessions sessions;
    struct config_timeouts timeouts;

    struct config_network *trusted_proxies; /* may send PROXY headers and X-Forwarded-For */
    size_t trusted_proxy_count;

    struct config_listener *listeners;
    size_t listener_count;
    struct config_address *admin; /* NULL: none */

    struct config_rate_limit *rate_limits;
    size_t rate_limit_count;
    bool rate_limit_headers; /* answers tell what is left */

    struct config_system *systems;
    size_t system_count;
    struct config_resolver resolver;
    struct config_upstream *upstreams;
    size_t upstream_count;
    struct config_route *routes; /* in the order of the file */
    size_t route_count;

    struct config_spool spool;
    struct config_store store;

    uint32_t ocsp_refresh_ms;
    uint32_t ticket_rotation_ms;
    struct config_file ticket_file; /* keys that operators push; path NULL: they are made here */
};

/* Frees the whole tree; *c is NULL after. NULL-safe. */
void config_free(struct config **c);

#endif
