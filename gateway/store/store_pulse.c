/* Whether Redis is there, and how many nodes share it: each node's keeper says twice a second that
 * it lives, and learns who else has lately. While Redis is away it tries more often. */
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/redis_reply.h"
#include "store/store_task.h"

#include <stdio.h>

#define PERIOD_MS 100
#define PULSE_PERIODS 5 /* between two pulses that succeed */
#define DEADLINE_MS 150
#define SILENCE_MS 2000 /* of Redis, before it counts as away */
#define ALIVE_MS "5000" /* without a word, before a node counts as dead */
#define FEWER_PULSES 5
#define NODES_KEY "cong:{nodes}"

static const char pulse_script[] =
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])\n"
    "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[2]))\n"
    "redis.call('PEXPIRE', KEYS[1], 60000)\n"
    "return redis.call('ZCARD', KEYS[1])\n";

struct pulse {
    struct store_task task;
    struct redis_script script;
    struct redis_call call;
    const struct redis_client *redis; /* borrowed: whom the call asks */
    uint32_t periods;                 /* since the last pulse that succeeded */
    uint32_t fewer;                   /* pulses in a row that told of fewer nodes than we know */
};

static struct store_node *node_of(const struct pulse *p)
{
    return store_region_node(p->task.store->region);
}

static void set_mode(struct pulse *p, enum store_mode mode, const char *why)
{
    char before[STORE_WHY_BYTES];
    struct store_region *region = p->task.store->region;
    store_region_why(region, before);
    if (strcmp(before, why) != 0)
        store_region_set_why(region, why);
    if (store_mode(p->task.store) == mode)
        return;
    atomic_store_explicit(&node_of(p)->mode, mode, memory_order_relaxed);
    if (mode == STORE_MODE_LOCAL)
        log_write(LOG_WARN, "store: Redis is away, this node decides alone: %s", why);
    else if (mode == STORE_MODE_REDIS)
        log_write(LOG_INFO, "store: shared through Redis");
    else
        log_write(LOG_INFO, "store: kept on this node alone");
}

static void begin_embedded(struct pulse *p)
{
    atomic_store_explicit(&node_of(p)->live_nodes, 1, memory_order_relaxed);
    set_mode(p, STORE_MODE_EMBEDDED, "");
}

/* Nothing to warn of: it has not been asked yet. */
static void begin_local(struct pulse *p)
{
    store_region_set_why(p->task.store->region, "it has not answered yet");
    atomic_store_explicit(&node_of(p)->mode, STORE_MODE_LOCAL, memory_order_relaxed);
    p->periods = PULSE_PERIODS;
}

static uint64_t silence_ms(const struct pulse *p)
{
    uint64_t seen = atomic_load_explicit(&node_of(p)->redis_seen_ms, memory_order_relaxed);
    uint64_t now = clock_wall_ms();
    return now > seen ? now - seen : 0;
}

/* One late answer does not make Redis away. */
static void on_failure(struct pulse *p, const char *why)
{
    if (!store_is_shared(p->task.store) || silence_ms(p) >= SILENCE_MS)
        set_mode(p, STORE_MODE_LOCAL, why);
}

/* A Redis that has lost its memory knows the others only when they have spoken again: until then a
 * node must not take itself for the only one. */
static void note_nodes(struct pulse *p, uint32_t live)
{
    struct store_node *node = node_of(p);
    if (live < atomic_load_explicit(&node->live_nodes, memory_order_relaxed) &&
        ++p->fewer < FEWER_PULSES)
        return;
    p->fewer = 0;
    atomic_store_explicit(&node->live_nodes, live, memory_order_relaxed);
}

static void on_outcome(struct redis_call *call, enum redis_outcome outcome,
                       const struct redisReply *reply)
{
    struct pulse *p = CONTAINER_OF(call, struct pulse, call);
    char why[STORE_WHY_BYTES];
    int64_t live = 0;
    if (outcome != REDIS_ANSWERED) {
        const char *problem = redis_client_problem(p->task.store->redis);
        on_failure(p, *problem ? problem : "it does not answer in time");
    } else if (!redis_reply_integer(reply, &live)) {
        struct slice text = redis_reply_text(reply);
        snprintf(why, sizeof(why), "it refuses: %.*s", (int)MIN(text.len, 100), text.data);
        on_failure(p, why);
    } else {
        struct store_node *node = node_of(p);
        live = MAX(MIN(live, UINT16_MAX), 1);
        note_nodes(p, (uint32_t)live);
        atomic_store_explicit(&node->redis_seen_ms, clock_wall_ms(), memory_order_relaxed);
        p->periods = 0;
        set_mode(p, STORE_MODE_REDIS, "");
    }
}

static void ask(struct pulse *p)
{
    struct store *store = p->task.store;
    const struct store_node *node = node_of(p);
    const struct slice key = SLICE(NODES_KEY);
    const struct slice arguments[] = {
        slice_of(node->name, strnlen(node->name, sizeof(node->name))), SLICE(ALIVE_MS)
    };
    if (redis_call_is_pending(&p->call))
        return;
    p->call = (struct redis_call){ .on_outcome = on_outcome, .repeatable = true };
    if (redis_client_script(store->redis, &p->call, &p->script, &key, 1, arguments,
                            ARRAY_LEN(arguments), DEADLINE_MS) < 0)
        on_failure(p, redis_client_problem(store->redis));
}

/* --- the task --------------------------------------------------------------------------------- */

static struct store_task *pulse_new(void)
{
    struct pulse *p = mem_new(sizeof(*p));
    p->script.text = pulse_script;
    return &p->task;
}

static void pulse_apply(struct store_task *t)
{
    struct pulse *p = CONTAINER_OF(t, struct pulse, task);
    if (p->redis != t->store->redis)
        redis_call_cancel(&p->call);
    p->redis = t->store->redis;
    /* A keeper that follows one that died has no news yet: what that one knew stands. */
    if (!p->redis)
        begin_embedded(p);
    else if (store_mode(t->store) == STORE_MODE_EMBEDDED)
        begin_local(p);
}

static void pulse_tick(struct store_task *t)
{
    struct pulse *p = CONTAINER_OF(t, struct pulse, task);
    if (p->redis && (++p->periods >= PULSE_PERIODS || store_mode(t->store) == STORE_MODE_LOCAL))
        ask(p);
}

static void pulse_free(struct store_task *t)
{
    struct pulse *p = CONTAINER_OF(t, struct pulse, task);
    redis_call_cancel(&p->call);
    mem_free(p);
}

const struct store_task_type store_pulse = {
    .new = pulse_new,
    .apply = pulse_apply,
    .tick = pulse_tick,
    .free = pulse_free,
    .period_ms = PERIOD_MS,
};
