#include "store/redis_sentinel.h"

#include "common/mem.h"
#include "store/redis_connection.h"
#include "store/redis_reply.h"

#include <stdio.h>

#define SENTINEL_MS 300

struct redis_sentinel {
    struct redis_setup *setup;                    /* borrowed */
    const struct redis_sentinel_handler *handler; /* borrowed */
    void *user;
    struct redis_connection *connection; /* owned; NULL: none */
    struct timer timer;
    size_t index; /* of the one that is asked */
    size_t asked; /* how many have been, this time */
    bool has_authenticated;
    char problem[160];
};

static void connect_to_next(struct redis_sentinel *s);

static void note(struct redis_sentinel *s, struct slice why)
{
    char name[REDIS_NAME_BYTES];
    struct address a = redis_setup_server(s->setup, s->index);
    redis_address_name(&a, name);
    snprintf(s->problem, sizeof(s->problem), "Sentinel %s: %.*s", name, (int)MIN(why.len, 80),
             why.data);
}

static void ask_next(struct redis_sentinel *s, struct slice why)
{
    note(s, why);
    redis_connection_close(&s->connection);
    timer_stop(&s->timer);
    s->index = (s->index + 1) % s->setup->config->server_count;
    if (++s->asked < s->setup->config->server_count)
        connect_to_next(s);
    else
        s->handler->on_nobody(s->user, s->problem);
}

static void ask_for_master(struct redis_sentinel *s)
{
    const struct slice command[] = { SLICE("SENTINEL"), SLICE("get-master-addr-by-name"),
                                     slice_str(s->setup->config->master) };
    if (redis_connection_command(s->connection, REDIS_AWAIT_TOPOLOGY, command, ARRAY_LEN(command)))
        ask_next(s, SLICE("there is no memory for a command"));
}

/* Most Sentinels want no password, and refuse one that is given without need. */
static void authenticate(struct redis_sentinel *s)
{
    s->has_authenticated = true;
    if (redis_connection_auth(s->connection))
        ask_next(s, SLICE("there is no memory for a command"));
    else
        ask_for_master(s);
}

static void take_master(struct redis_sentinel *s, const struct redisReply *r)
{
    struct address master;
    uint64_t port;
    if (redis_reply_is_nil(r)) {
        ask_next(s, SLICE("it knows no master of this name"));
        return;
    }
    if (!address_parse(&master, redis_reply_text(redis_reply_at(r, 0))) ||
        !slice_to_u64(redis_reply_text(redis_reply_at(r, 1)), &port) || port > UINT16_MAX) {
        ask_next(s, SLICE("the master's address is not one in numbers"));
        return;
    }
    master.port = (uint16_t)port;
    redis_connection_close(&s->connection);
    timer_stop(&s->timer);
    s->handler->on_master(s->user, &master);
}

static void on_reply(void *user, enum redis_await await, struct redis_call *call,
                     const struct redisReply *r)
{
    struct redis_sentinel *s = user;
    (void)call;
    bool wants_password = redis_reply_is_error_of(r, SLICE("NOAUTH")) && s->setup->password.len > 0;
    if (wants_password && !s->has_authenticated)
        authenticate(s);
    else if (redis_reply_is_error(r))
        ask_next(s, redis_reply_text(r));
    else if (await == REDIS_AWAIT_TOPOLOGY)
        take_master(s, r);
}

static void on_open(void *user)
{
    ask_for_master(user);
}

static void on_end(void *user, struct redis_connection *c, const char *why)
{
    struct redis_sentinel *s = user;
    (void)c;
    s->connection = NULL;
    ask_next(s, slice_str(why));
}

static const struct redis_connection_handler connection_handler = {
    .on_open = on_open,
    .on_reply = on_reply,
    .on_end = on_end,
};

static void connect_to_next(struct redis_sentinel *s)
{
    struct address a = redis_setup_server(s->setup, s->index);
    s->has_authenticated = false;
    s->connection = redis_connection_open(s->setup, &a, &connection_handler, s);
    timer_set(&s->setup->loop->timers, &s->timer, SENTINEL_MS);
}

static void on_timer(struct timer *t)
{
    ask_next(CONTAINER_OF(t, struct redis_sentinel, timer), SLICE("it does not answer"));
}

void redis_sentinel_ask(struct redis_sentinel *s)
{
    s->asked = 0;
    redis_connection_close(&s->connection);
    connect_to_next(s);
}

struct redis_sentinel *redis_sentinel_new(struct redis_setup *setup,
                                          const struct redis_sentinel_handler *handler, void *user)
{
    struct redis_sentinel *s = mem_new(sizeof(*s));
    s->setup = setup;
    s->handler = handler;
    s->user = user;
    timer_init(&s->timer, on_timer);
    return s;
}

void redis_sentinel_free(struct redis_sentinel **pointer)
{
    struct redis_sentinel *s = *pointer;
    *pointer = NULL;
    if (!s)
        return;
    timer_cancel(&s->timer);
    redis_connection_close(&s->connection);
    mem_free(s);
}
