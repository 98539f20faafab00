/* The part of the configuration that says who the backends are, and how they are treated (see
 * config.h). */
#ifndef CONFIG_CONFIG_UPSTREAM_H
#define CONFIG_CONFIG_UPSTREAM_H

#include "config/config_health.h"
#include "config/config_isolation.h"
#include "config/config_listener.h"
#include "config/config_maintenance.h"

#define CONFIG_UPSTREAMS_MAX 256
#define CONFIG_PEERS_MAX 2048 /* of all upstreams together */

/* TLS to a peer. */
struct config_upstream_tls {
    struct config_file ca;   /* PEM; path NULL: the system's authorities */
    const char *server_name; /* that the certificate must carry; NULL: the peer's address */
    struct config_file cert; /* ours, to show to peers that ask for it; path NULL: none */
    struct config_file key;
    bool verify;
};

struct config_peer {
    struct config_address address;
    uint32_t weight;
    uint32_t max_connections;        /* requests at once, of all workers; 0: any number */
    bool backup;                     /* for when no other peer is available */
    struct config_upstream_tls *tls; /* NULL: plain */
};

enum config_balance {
    CONFIG_BALANCE_P2C,
    CONFIG_BALANCE_ROUND_ROBIN,
    CONFIG_BALANCE_LEAST_CONNECTIONS,
    CONFIG_BALANCE_HASH,
};

/* What requests that belong to one peer have in common. */
enum config_hash_key { CONFIG_HASH_SESSION, CONFIG_HASH_HEADER, CONFIG_HASH_COOKIE };

/* When a peer gets nothing but trials (upstream/ejection.h). */
struct config_ejection {
    uint32_t failures;    /* in a row; 0: it is not looked at */
    uint32_t rate;        /* percent of the requests of some seconds; 0: it is not looked at */
    uint32_t time_ms;     /* to the first trial; then twice, three times that */
    uint32_t max_time_ms; /* but never longer */
    uint32_t max_share;   /* percent of an upstream's peers */
};

/* What a connection to a peer begins with: whose it is. */
enum config_send_proxy { CONFIG_SEND_PROXY_OFF, CONFIG_SEND_PROXY_V1, CONFIG_SEND_PROXY_V2 };

struct config_upstream {
    const char *name;
    enum config_balance balance;
    enum config_hash_key hash_key;
    struct slice hash_name; /* of the header or cookie */
    struct config_ejection ejection;
    uint32_t panic_share;   /* percent: while fewer are available all are used, whatever they do */
    uint32_t slow_start_ms; /* from a peer's return to its full share */
    struct config_peer *peers;
    size_t peer_count;
    struct config_upstream_tls *tls; /* of peers that have none of their own; NULL: none */
    enum config_send_proxy send_proxy;
    uint32_t connect_timeout_ms;
    uint32_t response_timeout_ms;    /* from the request's last byte to the response head */
    uint32_t idle_timeout_ms;        /* between two reads or writes of a body */
    uint32_t keep_alive_timeout_ms;  /* an idle pooled connection is closed after this */
    uint32_t keep_alive_connections; /* idle ones kept for a peer, by all workers together */
    uint32_t receive_buffer_bytes;   /* 0: as the kernel likes */
    uint32_t retries;                /* on another peer, when that is safe: 0 or 1 */
    uint32_t response_head_bytes;
    uint32_t deadline_ms;         /* total, queue and second attempt; 0: for two of all */
    struct slice deadline_header; /* tells the backend what is left of it; empty: it is not told */
    struct config_isolation isolation;
    struct config_title title;
    struct config_file identity_key;        /* signs X-Cong-Identity; path NULL: it is not sent */
    struct config_health *health;           /* NULL: peers are not probed */
    struct config_maintenance *maintenance; /* NULL: it is open */
};

#endif
