#include "store/redis_node.h"

#include "common/log.h"
#include "common/mem.h"
#include "store/redis_reply.h"

#include <stdio.h>

#define BACK_OFF_MS 50u
#define BACK_OFF_DOUBLINGS 7
#define BACK_OFF_MAX_MS 5000u
#define STEADY_MS 1000 /* up for so long: the next attempt comes early again */
#define PROBE_MS 500
#define COMPLAIN_MS 10000 /* between two complaints about the same server */

static struct timer_wheel *wheel(struct redis_node *n)
{
    return &n->setup->loop->timers;
}

static uint64_t now_ms(const struct redis_node *n)
{
    return loop_now_ms(n->setup->loop);
}

/* --- down ------------------------------------------------------------------------------------- */

/* Says so once, until it has been up again, and not with each turn of one that comes and goes. */
static void complain(struct redis_node *n, const char *who, struct slice why)
{
    snprintf(n->problem, sizeof(n->problem), "Redis %s: %.*s", who, (int)MIN(why.len, 80),
             why.data);
    if (n->has_complained || (n->complained_ms && now_ms(n) - n->complained_ms < COMPLAIN_MS))
        return;
    log_write(LOG_WARN, "%s; going on without it", n->problem);
    n->has_complained = true;
    n->complained_ms = now_ms(n);
}

/* Full jitter: a random part of the whole delay. */
static void back_off(struct redis_node *n)
{
    uint32_t longest = MIN(BACK_OFF_MS << MIN(n->attempts, BACK_OFF_DOUBLINGS), BACK_OFF_MAX_MS);
    n->attempts++;
    n->state = REDIS_NODE_WAITING;
    timer_set(wheel(n), &n->timer, random_below(&n->setup->loop->random, longest) + 1);
}

static void set_down(struct redis_node *n, struct slice why)
{
    bool was_up = n->state == REDIS_NODE_UP;
    if (n->state >= REDIS_NODE_TRIPPED && now_ms(n) - n->up_since_ms >= STEADY_MS)
        n->attempts = 0;
    n->connection = NULL;
    complain(n, n->name, why);
    back_off(n);
    if (was_up)
        n->handler->on_down(n);
}

/* Whoever is told may cancel others of them. */
static void lose_calls(struct redis_node *n, struct redis_connection *c)
{
    struct redis_call *call;
    n->losing = c;
    do {
        call = redis_connection_unanswered(c);
        if (call)
            n->handler->on_reply(n, call, NULL);
    } while (call);
    n->losing = NULL;
}

void redis_node_drop(struct redis_node *n, struct slice why)
{
    struct redis_connection *c = n->connection, *closing = c;
    if (!c)
        return;
    redis_connection_close(&closing);
    set_down(n, why);
    lose_calls(n, c);
}

void redis_node_rest(struct redis_node *n)
{
    struct redis_connection *c = n->connection, *closing = c;
    n->connection = NULL;
    n->state = REDIS_NODE_RESTING;
    timer_cancel(&n->timer);
    redis_connection_close(&closing);
    if (c)
        lose_calls(n, c);
}

void redis_node_back_off(struct redis_node *n, const char *why)
{
    complain(n, "master", slice_str(why));
    back_off(n);
}

static void trip(struct redis_node *n)
{
    complain(n, n->name, SLICE("it answers too late"));
    n->state = REDIS_NODE_TRIPPED;
    timer_set(wheel(n), &n->timer, PROBE_MS);
    n->handler->on_down(n);
}

void redis_node_count(struct redis_node *n, bool failed)
{
    if (n->state == REDIS_NODE_UP && redis_breaker_count(&n->breaker, now_ms(n), failed))
        trip(n);
}

/* --- up --------------------------------------------------------------------------------------- */

static void set_up(struct redis_node *n)
{
    if (n->has_complained)
        log_write(LOG_INFO, "Redis %s answers", n->name);
    n->has_complained = false;
    n->problem[0] = '\0';
    if (n->state == REDIS_NODE_GREETING)
        n->up_since_ms = now_ms(n);
    n->state = REDIS_NODE_UP;
    redis_breaker_reset(&n->breaker);
    timer_stop(&n->timer);
    n->handler->on_up(n);
}

static int ask_role(struct redis_node *n)
{
    const struct slice ping = SLICE("PING"), role = SLICE("ROLE");
    int rc = redis_connection_command(n->connection, REDIS_AWAIT_PING, &ping, 1);
    return rc ? rc : redis_connection_command(n->connection, REDIS_AWAIT_ROLE, &role, 1);
}

static int send_scripts(struct redis_node *n)
{
    int rc = 0;
    for (size_t i = 0; i < n->setup->script_count && !rc; i++) {
        const struct slice load[] = { SLICE("SCRIPT"), SLICE("LOAD"),
                                      slice_str(n->setup->scripts[i]->text) };
        rc = redis_connection_command(n->connection, REDIS_AWAIT_NOTHING, load, ARRAY_LEN(load));
    }
    return rc;
}

static void on_open(void *user)
{
    struct redis_node *n = user;
    n->state = REDIS_NODE_GREETING;
    int rc = redis_connection_auth(n->connection);
    if (!rc)
        rc = ask_role(n);
    if (!rc)
        rc = send_scripts(n);
    if (rc)
        redis_node_drop(n, SLICE("there is no memory for a greeting"));
}

/* A probe that comes late, when calls would long have timed out, is none. */
static bool is_in_time(const struct redis_node *n)
{
    uint64_t limit_ms = n->setup->config->command_timeout_ms + TIMER_TICK_MS;
    return n->state == REDIS_NODE_GREETING || now_ms(n) - n->probed_ms <= limit_ms;
}

static void take_role(struct redis_node *n, const struct redisReply *r)
{
    struct slice role = redis_reply_text(redis_reply_at(r, 0));
    if (!role.data) {
        redis_node_drop(n, redis_reply_is_error(r) ? redis_reply_text(r) : SLICE("has no role"));
        return;
    }
    if (!n->any_role && !slice_eq(role, SLICE("master"))) {
        redis_node_drop(n, SLICE("it is no master"));
        return;
    }
    if (is_in_time(n))
        set_up(n);
}

static void take_ping(struct redis_node *n, const struct redisReply *r)
{
    if (redis_reply_is_error(r))
        redis_node_drop(n, redis_reply_text(r));
    else if (!redis_reply_is_status(r, SLICE("PONG")))
        redis_node_drop(n, SLICE("it does not speak as Redis does"));
}

static void on_reply(void *user, enum redis_await await, struct redis_call *call,
                     const struct redisReply *r)
{
    struct redis_node *n = user;
    switch (await) {
    case REDIS_AWAIT_CALL:
        n->handler->on_reply(n, call, r);
        break;
    case REDIS_AWAIT_AUTH:
        if (redis_reply_is_error(r))
            redis_node_drop(n, redis_reply_text(r));
        break;
    case REDIS_AWAIT_PING:
        take_ping(n, r);
        break;
    case REDIS_AWAIT_ROLE:
        take_role(n, r);
        break;
    case REDIS_AWAIT_TOPOLOGY:
        n->handler->on_topology(n, r);
        break;
    case REDIS_AWAIT_NOTHING:
    case REDIS_AWAIT_SUBSCRIBE:
        break;
    }
}

static void on_end(void *user, struct redis_connection *c, const char *why)
{
    struct redis_node *n = user;
    set_down(n, slice_str(why));
    lose_calls(n, c);
}

static const struct redis_connection_handler connection_handler = {
    .on_open = on_open,
    .on_reply = on_reply,
    .on_end = on_end,
};

void redis_node_connect(struct redis_node *n)
{
    n->state = REDIS_NODE_CONNECTING;
    metrics_add(n->setup->metrics, COUNTER_REDIS_CONNECTS, 1);
    n->connection = redis_connection_open(n->setup, &n->address, &connection_handler, n);
    timer_set(wheel(n), &n->timer, n->setup->config->connect_timeout_ms);
}

static void probe(struct redis_node *n)
{
    n->probed_ms = now_ms(n);
    timer_set(wheel(n), &n->timer, PROBE_MS);
    if (ask_role(n))
        redis_node_drop(n, SLICE("there is no room for a probe"));
}

static void on_timer(struct timer *t)
{
    struct redis_node *n = CONTAINER_OF(t, struct redis_node, timer);
    switch (n->state) {
    case REDIS_NODE_WAITING:
        n->handler->on_retry(n);
        break;
    case REDIS_NODE_CONNECTING:
    case REDIS_NODE_GREETING:
        redis_node_drop(n, SLICE("it does not answer"));
        break;
    case REDIS_NODE_TRIPPED:
        probe(n);
        break;
    default:
        break;
    }
}

/* --- calls ------------------------------------------------------------------------------------ */

int redis_node_send(struct redis_node *n, struct redis_call *call)
{
    struct slice command = slice_of(call->command, call->command_len);
    if (!redis_node_is_up(n) || !redis_connection_has_room(n->connection, command.len))
        return ERR_LIMIT;
    return redis_connection_send(n->connection, REDIS_AWAIT_CALL, call, command, &call->sequence);
}

int redis_node_say(struct redis_node *n, enum redis_await await, const struct slice *args,
                   size_t count)
{
    if (!redis_node_is_up(n))
        return ERR_LIMIT;
    return redis_connection_command(n->connection, await, args, count);
}

void redis_node_forget(struct redis_node *n, struct redis_call *call)
{
    struct redis_connection *c = n->losing ? n->losing : n->connection;
    if (c)
        redis_connection_forget(c, call->sequence);
}

/* --- life ------------------------------------------------------------------------------------- */

struct redis_node *redis_node_new(struct redis_setup *setup, const struct address *address,
                                  const struct redis_node_handler *handler, void *user)
{
    struct redis_node *n = mem_new(sizeof(*n));
    n->handler = handler;
    n->user = user;
    n->setup = setup;
    timer_init(&n->timer, on_timer);
    redis_node_set_address(n, address);
    return n;
}

void redis_node_set_address(struct redis_node *n, const struct address *address)
{
    n->address = *address;
    redis_address_name(address, n->name);
    snprintf(n->problem, sizeof(n->problem), "Redis %s: not connected yet", n->name);
}

void redis_node_free(struct redis_node **pointer)
{
    struct redis_node *n = *pointer;
    *pointer = NULL;
    if (!n)
        return;
    timer_cancel(&n->timer);
    redis_connection_close(&n->connection);
    mem_free(n);
}
