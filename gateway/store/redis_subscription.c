/* A subscription has a connection of its own: one that is subscribed takes no other commands. */
#include "common/mem.h"
#include "store/redis_client.h"
#include "store/redis_connection.h"
#include "store/redis_reply.h"

#define AGAIN_MS 100 /* with full jitter on top */

struct redis_subscription {
    struct redis_client *client; /* borrowed */
    struct redis_setup *setup;   /* borrowed: the client's */
    char *channel;               /* owned */
    redis_message_fn on_message;
    redis_subscribed_fn on_state;
    void *user;
    struct redis_connection *connection; /* owned; NULL: waits for the next attempt */
    struct timer timer;
    bool stands;
};

static void try_later(struct redis_subscription *s)
{
    bool stood = s->stands;
    uint32_t jitter_ms = random_below(&s->setup->loop->random, AGAIN_MS);
    s->stands = false;
    timer_set(&s->setup->loop->timers, &s->timer, AGAIN_MS + jitter_ms);
    if (stood)
        s->on_state(s->user, false);
}

static void give_up(struct redis_subscription *s)
{
    redis_connection_close(&s->connection);
    try_later(s);
}

static void on_open(void *user)
{
    struct redis_subscription *s = user;
    const struct slice command[] = { SLICE("SUBSCRIBE"), slice_str(s->channel) };
    if (redis_connection_auth(s->connection) ||
        redis_connection_command(s->connection, REDIS_AWAIT_SUBSCRIBE, command, ARRAY_LEN(command)))
        give_up(s);
}

static void on_reply(void *user, enum redis_await await, struct redis_call *call,
                     const struct redisReply *r)
{
    struct redis_subscription *s = user;
    (void)call;
    if (redis_reply_is_error(r)) {
        give_up(s);
        return;
    }
    if (await != REDIS_AWAIT_SUBSCRIBE)
        return;
    s->stands = true;
    timer_stop(&s->timer);
    s->on_state(s->user, true);
}

static void on_push(void *user, const struct redisReply *message)
{
    struct redis_subscription *s = user;
    struct slice channel = redis_reply_text(redis_reply_at(message, 1));
    struct slice text = redis_reply_text(redis_reply_at(message, 2));
    if (s->stands && slice_eq(channel, slice_str(s->channel)) && text.data)
        s->on_message(s->user, channel, text);
}

static void on_end(void *user, struct redis_connection *c, const char *why)
{
    struct redis_subscription *s = user;
    (void)c, (void)why; /* the client's own connection tells the log */
    s->connection = NULL;
    try_later(s);
}

static const struct redis_connection_handler connection_handler = {
    .on_open = on_open,
    .on_reply = on_reply,
    .on_push = on_push,
    .on_end = on_end,
};

static void on_timer(struct timer *t)
{
    struct redis_subscription *s = CONTAINER_OF(t, struct redis_subscription, timer);
    struct address server;
    if (s->connection) {
        give_up(s); /* connecting takes too long */
        return;
    }
    if (!redis_client_address(s->client, &server)) {
        try_later(s);
        return;
    }
    s->connection = redis_connection_open(s->setup, &server, &connection_handler, s);
    timer_set(&s->setup->loop->timers, &s->timer, s->setup->config->connect_timeout_ms);
}

struct redis_subscription *redis_subscription_new(struct redis_client *c, const char *channel,
                                                  redis_message_fn on_message,
                                                  redis_subscribed_fn on_state, void *user)
{
    struct redis_subscription *s = mem_new(sizeof(*s));
    s->client = c;
    s->setup = redis_client_setup(c);
    s->channel = mem_strdup(channel);
    s->on_message = on_message;
    s->on_state = on_state;
    s->user = user;
    timer_init(&s->timer, on_timer);
    timer_set(&s->setup->loop->timers, &s->timer, 0);
    return s;
}

void redis_subscription_free(struct redis_subscription **pointer)
{
    struct redis_subscription *s = *pointer;
    *pointer = NULL;
    if (!s)
        return;
    timer_cancel(&s->timer);
    redis_connection_close(&s->connection);
    mem_free(s->channel);
    mem_free(s);
}
