/* What the connections of one redis_client have in common: where and how to connect, who we are,
 * and the scripts that a server should know. */
#ifndef STORE_REDIS_SETUP_H
#define STORE_REDIS_SETUP_H

#include "common/err.h"
#include "config/config_store.h"
#include "net/address.h"
#include "net/loop.h"
#include "observe/metrics.h"
#include "tls/tls_stream.h"

#define REDIS_SCRIPTS_MAX 32
#define REDIS_NAME_BYTES (ADDRESS_TEXT_BYTES + 8)

struct redis_script;

struct redis_setup {
    struct loop *loop;                 /* borrowed */
    const struct config_redis *config; /* borrowed */
    struct metrics *metrics;           /* borrowed */
    struct slice password;             /* in the configuration; empty: no AUTH */
    SSL_CTX *tls;                      /* owned; NULL: plain, or there is a problem */
    struct tls_engine engine;          /* of TLS */
    const struct redis_script *scripts[REDIS_SCRIPTS_MAX]; /* borrowed: that have been used */
    size_t script_count;
    struct err problem; /* "", or why no connection can be made at all */
};

void redis_setup_init(struct redis_setup *s, struct loop *loop, const struct config_redis *config,
                      struct metrics *metrics);
void redis_setup_fini(struct redis_setup *s);
/* Notes a script, and fills in its SHA-1. */
void redis_setup_learn(struct redis_setup *s, struct redis_script *script);

/* The address of a configured server. */
struct address redis_setup_server(const struct redis_setup *s, size_t index);
/* "127.0.0.1:6379" */
void redis_address_name(const struct address *a, char out[REDIS_NAME_BYTES]);

/* A command as it goes over the wire; redisFreeCommand() frees it. NULL when memory is out. */
char *redis_format(const struct slice *args, size_t count, size_t *len) MUST_CHECK;

/* The slot of a Cluster that a key belongs to: CRC-16 of it, or of what is within its first {}. */
#define REDIS_SLOTS 16384
uint16_t redis_key_slot(struct slice key);

#endif
