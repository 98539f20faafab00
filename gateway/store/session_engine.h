/* What the files of sessions share; nobody else includes it. */
#ifndef STORE_SESSION_ENGINE_H
#define STORE_SESSION_ENGINE_H

#include "common/clock.h"
#include "store/session_cache.h"

/* Questions to Redis at the same time, of one worker; more wait for SESSION_QUEUE_MS. */
#define SESSION_FETCHES_MAX 64
#define SESSION_QUEUE_MS 50

/* Where nodes tell each other what has changed: "<hash in hex>", "u:<uid>", or, when a node that
 * was cut off no longer knows whose sessions they were, that all copies are to be doubted. */
#define SESSION_CHANNEL "cong:inv"
#define SESSION_DOUBT_ALL "*"

struct sessions {
    struct store *store; /* borrowed: it owns us */
    struct list fetches; /* struct session_fetch */
    uint32_t fetch_count;
    struct list queue; /* struct session_op: for a place among the fetches */
    struct timer queue_timer;
    struct list writes;  /* struct session_op: create, rotate and drop under way */
    struct list endings; /* struct session_ending: those that nobody waits for */
};

static inline struct shm_table *session_table(const struct store *s)
{
    return s->tables[STORE_SESSIONS];
}

static inline uint32_t session_timeout_ms(const struct store *s)
{
    const struct config_redis *redis = s->config->store.redis;
    return redis ? redis->command_timeout_ms : 0; /* a reload may have taken it away meanwhile */
}

/* Copies made until now are asked about before they are used. */
static inline void session_doubt_all(const struct store *s)
{
    atomic_store_explicit(&store_region_node(s->region)->sessions_epoch, clock_wall_ms(),
                          memory_order_relaxed);
}

/* Ends the operation: at once, or, if it is pending, with its callback. */
enum store_result session_settle(struct session_op *op, enum session_status status);
void session_finish(struct session_op *op, enum session_status status);

/* A drop: it begins anew, with nobody who waits for it. Of one session only once at a time. */
void session_carry_on(struct session_op *op);

/* What a copy is worth while Redis cannot be asked. */
void session_judge_alone(struct session_op *op, const struct session_copy *copy);

/* Asks Redis, for `op` (NULL: to refresh the copy in the background). */
void session_fetch_begin(struct sessions *sessions, const uint8_t hash[SESSION_HASH_BYTES],
                         struct session_op *op);
/* What is under way ends without a word. */
void session_fetch_abandon(struct sessions *sessions);

/* The next step of a write, after the answer to this command; the operation ends when it cannot be
 * asked. */
enum store_result session_write_create(struct session_op *op);
enum store_result session_write_rotate(struct session_op *op);
enum store_result session_write_drop(struct session_op *op);
enum store_result session_write_drop_user(struct session_op *op);
/* Ends it in the node's memory, as soon as that can be had; with Redis, it is owed. */
enum store_result session_write_end(struct session_op *op);
/* All sessions of op->uid in the node's memory; then the operation is finished. */
void session_write_scan(struct session_op *op);

#endif
