/* The configuration as the rest of the gateway sees it: an immutable tree, checked and complete.
 *
 * Every default has been filled in, every name resolved, every file read. All of it lives in one
 * arena and is freed as a whole; pointers and slices are terminated and valid as long as it is.
 * What each key means, with unit, default and bounds, stands in settings.h; this header is only the
 * shape. Durations are milliseconds and sizes bytes, as the names say. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "common/arena.h"
#include "common/log.h"
#include "common/slice.h"

#include <sys/socket.h>

#define CONFIG_WORKERS_MAX 64
#define CONFIG_LISTENERS_MAX 64
#define CONFIG_UPSTREAMS_MAX 256
#define CONFIG_PEERS_MAX 2048 /* of all upstreams together */
#define CONFIG_ROUTES_MAX 1024

struct config_address {
    struct sockaddr_storage sockaddr;
    socklen_t len;
    const char *text; /* as written: "0.0.0.0:8443", "[::1]:80" */
};

struct config_network {
    int family;          /* AF_INET or AF_INET6 */
    uint8_t address[16]; /* network order; 4 bytes used for AF_INET */
    uint8_t prefix_bits;
};

/* A file that the configuration names: where it is and what was in it when it was read. */
struct config_file {
    const char *path;
    struct slice data;
};

struct config_certificate {
    struct config_file cert; /* PEM, leaf first, then the chain */
    struct config_file key;  /* PEM */
    struct config_file ocsp; /* DER response to staple; path NULL when there is none */
};

enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum config_client_auth {
    CONFIG_CLIENT_AUTH_OFF,
    CONFIG_CLIENT_AUTH_OPTIONAL,
    CONFIG_CLIENT_AUTH_REQUIRED
};

struct config_tls {
    struct config_certificate *certificates;
    size_t certificate_count;
    enum config_tls_version min_version;
    enum config_client_auth client_auth;
    struct config_file client_ca; /* path NULL unless client_auth asks for certificates */
};

struct config_listener {
    struct config_address address;
    struct config_tls *tls; /* NULL: plain HTTP */
    bool redirect_https;    /* answer every request with a redirect to https:// */
    bool proxy_protocol;    /* a PROXY header is required from trusted peers, refused from others */
};

struct config_peer {
    struct config_address address;
    uint32_t weight;
};

enum config_balance { CONFIG_BALANCE_ROUND_ROBIN, CONFIG_BALANCE_LEAST_CONNECTIONS };

struct config_upstream {
    const char *name;
    enum config_balance balance;
    struct config_peer *peers;
    size_t peer_count;
    uint32_t connect_timeout_ms;
    uint32_t response_timeout_ms;    /* from the request's last byte to the response head */
    uint32_t idle_timeout_ms;        /* between two reads or writes of a body */
    uint32_t keep_alive_timeout_ms;  /* an idle pooled connection is closed after this */
    uint32_t keep_alive_connections; /* idle connections kept per peer and worker */
    uint32_t retries;                /* on another peer, when that is safe: 0 or 1 */
    uint32_t response_head_bytes;
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
    uint64_t body_limit_bytes;
    uint32_t response_timeout_ms; /* 0: the upstream's */
    uint32_t websocket_idle_ms;
};

#define CONFIG_NONE ((size_t)-1)

struct config_limits {
    uint32_t head_bytes;     /* request line and headers together: 431 */
    uint32_t target_bytes;   /* request target: 414 */
    uint32_t header_count;   /* 431 */
    uint32_t pipeline_bytes; /* read ahead while a request is being answered */
    uint64_t body_bytes;     /* 413; for routes that set none, which have it in body_limit_bytes */
};

struct config_timeouts {
    uint32_t handshake_ms;
    uint32_t request_head_ms; /* total, from the first byte: 408 */
    uint32_t request_body_ms; /* between two reads: 408 */
    uint32_t send_ms;         /* a client that takes nothing for so long is closed */
    uint32_t keep_alive_ms;
    uint32_t shutdown_ms;     /* how long SIGTERM and drain wait for requests under way */
    uint32_t drain_notice_ms; /* how long /ready is red before listeners stop accepting */
};

struct config {
    struct arena arena;
    const char *file;

    uint32_t workers; /* 0: auto */
    uint64_t capacity_users;
    const char *user; /* NULL: stay who we are */
    const char *runtime_dir;

    enum log_level log_level;
    const char *log_file;        /* NULL: standard error */
    const char *access_log_file; /* NULL: none; "stdout" is standard output */
    uint32_t access_log_flush_ms;

    struct config_limits limits;
    struct config_timeouts timeouts;

    struct config_network *trusted_proxies; /* may send PROXY headers and X-Forwarded-For */
    size_t trusted_proxy_count;

    struct config_listener *listeners;
    size_t listener_count;
    struct config_address *admin; /* NULL: none */

    struct config_upstream *upstreams;
    size_t upstream_count;
    struct config_route *routes; /* in the order of the file */
    size_t route_count;

    uint32_t ocsp_refresh_ms;
    uint32_t ticket_rotation_ms;
};

/* Frees the whole tree; *c is NULL after. NULL-safe. */
void config_free(struct config **c);

#endif
