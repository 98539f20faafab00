/* A call:  sent -> answered
 *           |  ^---- parked, until a node is there to take it again
 *           `-> timed out, lost, away */
#include "store/redis_client.h"

#include "common/buf.h"
#include "common/mem.h"
#include "store/redis_cluster.h"
#include "store/redis_node.h"
#include "store/redis_reply.h"
#include "store/redis_sentinel.h"

#define HOPS_MAX 3
#define AGAIN_MS 50
#define EVALSHA_ARGUMENTS 3 /* before the keys: EVALSHA, the script, how many keys */

struct redis_client {
    struct redis_setup setup;
    struct redis_node *master;       /* owned; NULL: a Cluster */
    struct redis_cluster *cluster;   /* owned; NULL: no Cluster */
    struct redis_sentinel *sentinel; /* owned; NULL: no Sentinels */
    size_t server;                   /* of a single one: which is tried */
    uint32_t turns;                  /* how often a server has come up */
    struct list pending;             /* calls that were sent */
    struct list parked;              /* calls that wait to be sent again */
    struct timer again;
};

/* --- the course of a call --------------------------------------------------------------------- */

static void on_deadline(struct timer *t);

static void begin(struct redis_call *call, int32_t slot)
{
    assert(!redis_call_is_pending(call));
    *call = (struct redis_call){
        .on_outcome = call->on_outcome,
        .repeatable = call->repeatable,
        .slot = slot,
    };
    list_init(&call->node);
    timer_init(&call->deadline, on_deadline);
}

/* Forgets it; its memory may go. */
static void detach(struct redis_call *call)
{
    list_remove(&call->node);
    timer_cancel(&call->deadline);
    redisFreeCommand(call->command);
    call->command = NULL;
    call->client = NULL;
    call->sent_to = NULL;
}

static void finish(struct redis_call *call, enum redis_outcome outcome,
                   const struct redisReply *reply)
{
    struct metrics *metrics = call->client->setup.metrics;
    if (outcome == REDIS_TIMED_OUT)
        metrics_add(metrics, COUNTER_REDIS_TIMEOUTS, 1);
    if (outcome == REDIS_LOST)
        metrics_add(metrics, COUNTER_REDIS_LOST, 1);
    detach(call);
    call->on_outcome(call, outcome, reply);
}

/* Nobody takes it now; what became of an attempt before is another matter. */
static void give_up(struct redis_call *call)
{
    finish(call, call->maybe_done ? REDIS_LOST : REDIS_AWAY, NULL);
}

void redis_call_cancel(struct redis_call *call)
{
    if (!call->client)
        return;
    if (call->sent_to)
        redis_node_forget(call->sent_to, call);
    detach(call);
}

static void on_deadline(struct timer *t)
{
    struct redis_call *call = CONTAINER_OF(t, struct redis_call, deadline);
    struct redis_node *n = call->sent_to;
    if (!n) {
        give_up(call);
        return;
    }
    redis_node_forget(n, call);
    redis_node_count(n, true);
    finish(call, REDIS_TIMED_OUT, NULL);
}

static struct redis_node *node_for(struct redis_client *c, const struct redis_call *call)
{
    if (!c->cluster)
        return c->master;
    if (call->ask.family)
        return redis_cluster_node_at(c->cluster, &call->ask);
    return redis_cluster_node(c->cluster, call->slot);
}

static int send_to(struct redis_client *c, struct redis_node *n, struct redis_call *call)
{
    const struct slice asking = SLICE("ASKING");
    if (!redis_node_is_up(n))
        return ERR_LIMIT;
    if (call->ask.family && redis_node_say(n, REDIS_AWAIT_NOTHING, &asking, 1))
        return ERR_LIMIT;
    int rc = redis_node_send(n, call);
    if (rc)
        return rc;
    call->sent_to = n;
    list_remove(&call->node);
    list_push_back(&c->pending, &call->node);
    return 0;
}

/* Until a node takes it, or its deadline. */
static void park(struct redis_client *c, struct redis_call *call)
{
    bool is_first = list_is_empty(&c->parked);
    call->sent_to = NULL;
    list_remove(&call->node);
    list_push_back(&c->parked, &call->node);
    if (is_first)
        timer_set(&c->setup.loop->timers, &c->again, AGAIN_MS);
}

static void send_again(struct redis_client *c, struct redis_call *call)
{
    if (send_to(c, node_for(c, call), call))
        park(c, call);
}

static void send_parked(struct redis_client *c)
{
    LIST_FOREACH (node, &c->parked) {
        struct redis_call *call = CONTAINER_OF(node, struct redis_call, node);
        send_to(c, node_for(c, call), call);
    }
}

static void on_again(struct timer *t)
{
    struct redis_client *c = CONTAINER_OF(t, struct redis_client, again);
    send_parked(c);
    if (!list_is_empty(&c->parked))
        timer_set(&c->setup.loop->timers, &c->again, AGAIN_MS);
}

/* --- errors that are no answers --------------------------------------------------------------- */

static void load_script(struct redis_client *c, struct redis_node *n, struct redis_call *call,
                        const struct redisReply *r)
{
    (void)r;
    const struct slice load[] = { SLICE("SCRIPT"), SLICE("LOAD"), slice_str(call->script->text) };
    if (redis_node_say(n, REDIS_AWAIT_NOTHING, load, ARRAY_LEN(load)) || send_to(c, n, call))
        give_up(call);
}

static void redirect(struct redis_client *c, struct redis_node *n, struct redis_call *call,
                     const struct redisReply *r)
{
    struct address target;
    uint16_t slot;
    if (!redis_cluster_parse_redirection(redis_reply_text(r), &n->address, &slot, &target)) {
        finish(call, REDIS_ANSWERED, r);
        return;
    }
    bool moved = redis_reply_is_error_of(r, SLICE("MOVED"));
    call->ask = moved ? (struct address){ 0 } : target;
    if (moved)
        redis_cluster_move_slot(c->cluster, slot, &target);
    send_again(c, call);
}

static void try_later(struct redis_client *c, struct redis_node *n, struct redis_call *call,
                      const struct redisReply *r)
{
    (void)n, (void)r;
    park(c, call);
}

/* The server is of no use as it is: another one may be, or this one in a while. */
static void leave_server(struct redis_client *c, struct redis_node *n, struct redis_call *call,
                         const struct redisReply *r)
{
    (void)c;
    give_up(call);
    redis_node_drop(n, redis_reply_text(r));
}

static void doubt_map(struct redis_client *c, struct redis_node *n, struct redis_call *call,
                      const struct redisReply *r)
{
    (void)r;
    redis_cluster_doubt(c->cluster);
    redis_node_count(n, true);
    give_up(call);
}

static void count_as_failure(struct redis_client *c, struct redis_node *n, struct redis_call *call,
                             const struct redisReply *r)
{
    (void)c, (void)r;
    redis_node_count(n, true);
    give_up(call);
}

struct remedy {
    struct slice error;
    void (*apply)(struct redis_client *c, struct redis_node *n, struct redis_call *call,
                  const struct redisReply *r);
    bool of_cluster, repeats;
};

/* All of these say that nothing has been done. */
static const struct remedy remedies[] = {
    { SLICE("NOSCRIPT"), load_script, .repeats = true },
    { SLICE("MOVED"), redirect, .of_cluster = true, .repeats = true },
    { SLICE("ASK"), redirect, .of_cluster = true, .repeats = true },
    { SLICE("TRYAGAIN"), try_later, .of_cluster = true, .repeats = true },
    { SLICE("CLUSTERDOWN"), doubt_map, .of_cluster = true },
    { .error = SLICE("LOADING"), .apply = leave_server },
    { .error = SLICE("READONLY"), .apply = leave_server },
    { .error = SLICE("MASTERDOWN"), .apply = leave_server },
    { .error = SLICE("BUSY"), .apply = count_as_failure },
};

static const struct remedy *remedy_for(const struct redis_client *c, const struct redis_call *call,
                                       const struct redisReply *r)
{
    for (size_t i = 0; i < ARRAY_LEN(remedies) && redis_reply_is_error(r); i++) {
        const struct remedy *m = &remedies[i];
        if (!redis_reply_is_error_of(r, m->error) || (m->of_cluster && !c->cluster) ||
            (m->repeats && call->hops >= HOPS_MAX))
            continue;
        return m->apply == load_script && !call->script ? NULL : m;
    }
    return NULL;
}

/* --- events of nodes -------------------------------------------------------------------------- */

static void take_reply(struct redis_node *n, struct redis_call *call, const struct redisReply *r)
{
    struct redis_client *c = n->user;
    call->sent_to = NULL;
    if (!r && call->repeatable) {
        call->maybe_done = true;
        park(c, call);
        return;
    }
    if (!r) {
        finish(call, REDIS_LOST, NULL);
        return;
    }
    const struct remedy *remedy = remedy_for(c, call, r);
    if (remedy) {
        call->hops += remedy->repeats;
        remedy->apply(c, n, call, r);
        return;
    }
    redis_node_count(n, false);
    finish(call, REDIS_ANSWERED, r);
}

static void on_changed(struct redis_node *n)
{
    struct redis_client *c = n->user;
    if (c->cluster)
        redis_cluster_changed(c->cluster);
    if (!redis_node_is_up(n))
        return;
    c->turns++;
    send_parked(c);
}

static void on_retry(struct redis_node *n)
{
    struct redis_client *c = n->user;
    if (c->sentinel) {
        redis_sentinel_ask(c->sentinel);
        return;
    }
    if (!c->cluster) {
        struct address server = redis_setup_server(&c->setup, ++c->server);
        redis_node_set_address(n, &server);
    }
    redis_node_connect(n);
}

static void on_topology(struct redis_node *n, const struct redisReply *r)
{
    struct redis_client *c = n->user;
    redis_cluster_take_map(c->cluster, n, r);
    send_parked(c);
}

static const struct redis_node_handler node_handler = {
    .on_up = on_changed,
    .on_down = on_changed,
    .on_retry = on_retry,
    .on_reply = take_reply,
    .on_topology = on_topology,
};

static void on_master(void *user, const struct address *master)
{
    struct redis_client *c = user;
    redis_node_set_address(c->master, master);
    redis_node_connect(c->master);
}

static void on_nobody(void *user, const char *why)
{
    struct redis_client *c = user;
    redis_node_back_off(c->master, why);
}

static const struct redis_sentinel_handler sentinel_handler = {
    .on_master = on_master,
    .on_nobody = on_nobody,
};

/* --- life ------------------------------------------------------------------------------------- */

struct redis_client *redis_client_new(struct loop *loop, const struct config_redis *config,
                                      struct metrics *metrics)
{
    struct redis_client *c = mem_new(sizeof(*c));
    redis_setup_init(&c->setup, loop, config, metrics);
    list_init(&c->pending);
    list_init(&c->parked);
    timer_init(&c->again, on_again);
    struct address server = redis_setup_server(&c->setup, 0);
    if (config->kind == CONFIG_REDIS_CLUSTER) {
        c->cluster = redis_cluster_new(&c->setup, &node_handler, c);
        return c;
    }
    c->master = redis_node_new(&c->setup, &server, &node_handler, c);
    if (config->kind == CONFIG_REDIS_SENTINEL) {
        c->sentinel = redis_sentinel_new(&c->setup, &sentinel_handler, c);
        redis_sentinel_ask(c->sentinel);
    } else {
        redis_node_connect(c->master);
    }
    return c;
}

static void drop_calls(struct list *calls)
{
    while (!list_is_empty(calls))
        redis_call_cancel(CONTAINER_OF(calls->next, struct redis_call, node));
}

void redis_client_free(struct redis_client **pointer)
{
    struct redis_client *c = *pointer;
    *pointer = NULL;
    if (!c)
        return;
    drop_calls(&c->pending);
    drop_calls(&c->parked);
    timer_cancel(&c->again);
    redis_sentinel_free(&c->sentinel);
    redis_cluster_free(&c->cluster);
    redis_node_free(&c->master);
    redis_setup_fini(&c->setup);
    mem_free(c);
}

bool redis_client_is_up(const struct redis_client *c)
{
    return c->cluster ? redis_cluster_is_up(c->cluster) : redis_node_is_up(c->master);
}

uint32_t redis_client_turns(const struct redis_client *c)
{
    return c->turns;
}

const char *redis_client_problem(const struct redis_client *c)
{
    if (redis_client_is_up(c))
        return "";
    return c->cluster ? redis_cluster_problem(c->cluster) : c->master->problem;
}

bool redis_client_address(const struct redis_client *c, struct address *address)
{
    const struct redis_node *n = c->cluster ? redis_cluster_node(c->cluster, -1) : c->master;
    if (!redis_node_is_up(n))
        return false;
    *address = n->address;
    return true;
}

struct redis_setup *redis_client_setup(struct redis_client *c)
{
    return &c->setup;
}

/* --- calls ------------------------------------------------------------------------------------ */

static int refuse(struct redis_client *c)
{
    metrics_add(c->setup.metrics, COUNTER_REDIS_REFUSED, 1);
    return ERR_LIMIT;
}

static int start(struct redis_client *c, struct redis_call *call, const struct slice *args,
                 size_t count, uint32_t timeout_ms)
{
    struct redis_node *n = node_for(c, call);
    if (!redis_node_is_up(n))
        return refuse(c);
    call->command = redis_format(args, count, &call->command_len);
    if (!call->command || send_to(c, n, call)) {
        redisFreeCommand(call->command);
        call->command = NULL;
        return refuse(c);
    }
    call->client = c;
    metrics_add(c->setup.metrics, COUNTER_REDIS_CALLS, 1);
    timer_set(&c->setup.loop->timers, &call->deadline, timeout_ms);
    return 0;
}

static int32_t slot_for(const struct redis_client *c, struct slice key)
{
    return c->cluster && key.data ? redis_key_slot(key) : -1;
}

int redis_client_command(struct redis_client *c, struct redis_call *call, struct slice key,
                         const struct slice *args, size_t count, uint32_t timeout_ms)
{
    begin(call, slot_for(c, key));
    return start(c, call, args, count, timeout_ms);
}

int redis_client_script(struct redis_client *c, struct redis_call *call,
                        struct redis_script *script, const struct slice *keys, size_t key_count,
                        const struct slice *args, size_t arg_count, uint32_t timeout_ms)
{
    char number[24];
    size_t count = EVALSHA_ARGUMENTS + key_count + arg_count;
    struct slice *all = mem_try(count * sizeof(*all));
    begin(call, slot_for(c, key_count ? keys[0] : slice_of(NULL, 0)));
    if (!all)
        return refuse(c);
    redis_setup_learn(&c->setup, script);
    call->script = script;
    all[0] = SLICE("EVALSHA");
    all[1] = slice_str(script->sha1);
    all[2] = slice_of(number, format_u64(number, key_count));
    for (size_t i = 0; i < key_count; i++)
        all[EVALSHA_ARGUMENTS + i] = keys[i];
    for (size_t i = 0; i < arg_count; i++)
        all[EVALSHA_ARGUMENTS + key_count + i] = args[i];
    int rc = start(c, call, all, count, timeout_ms);
    mem_free(all);
    return rc;
}
