/* The part of the configuration that says where shared state is kept (see config.h). */
#ifndef CONFIG_CONFIG_STORE_H
#define CONFIG_CONFIG_STORE_H

#include "common/arena.h"
#include "config/config_listener.h"

#define CONFIG_REDIS_SERVERS_MAX 64

enum config_redis_kind {
    CONFIG_REDIS_SINGLE,   /* the first server that answers as a master */
    CONFIG_REDIS_SENTINEL, /* the servers are Sentinels, which know the master */
    CONFIG_REDIS_CLUSTER,  /* the servers are some of a Cluster's nodes */
};

struct config_redis {
    enum config_redis_kind kind;
    struct config_address *servers;
    size_t server_count;
    const char *master;          /* Sentinel's name for it */
    const char *username;        /* ACL user; NULL: the default one */
    struct config_file password; /* path NULL: no AUTH */
    bool tls;
    struct config_file tls_ca;            /* PEM; path NULL: the system's authorities */
    struct config_file tls_cert, tls_key; /* client certificate; path NULL: none */
    const char *tls_name; /* name that the certificate must carry; NULL: the address */
    uint32_t connect_timeout_ms;
    uint32_t command_timeout_ms; /* of a request's commands: local mode takes over after it */
};

struct config_store {
    uint32_t sessions; /* records in the node's memory */
    uint32_t limits;
    uint32_t submissions;
    const char *journal_dir; /* where submission records survive a power cut */
    bool journal_sync;       /* false: the operating system writes when it likes */
    struct config_file
        secret; /* shared by all nodes; required with Redis; path NULL: the region's */
    struct config_redis *redis; /* NULL: embedded */
};

/* Whether both lead to the same Redis in the same way. Either may be NULL. */
bool config_redis_equal(const struct config_redis *a, const struct config_redis *b);
/* For who needs it longer than its configuration lives. NULL at the arena's cap. */
struct config_redis *config_redis_copy(const struct config_redis *redis, struct arena *arena);

#endif
