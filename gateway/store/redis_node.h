/* A Redis server that is to be connected all the time: back-off, greeting, breaker. Which server it
 * is, and what is asked, is its owner's affair.
 *
 *   RESTING -> CONNECTING -> GREETING -> UP <-> TRIPPED       greeting: AUTH, PING, ROLE, scripts
 *                 ^  |          |         |        |
 *   on_retry -----|  `----------+---------+--------+--> WAITING (back-off), then on_retry
 */
#ifndef STORE_REDIS_NODE_H
#define STORE_REDIS_NODE_H

#include "store/redis_breaker.h"
#include "store/redis_client.h"
#include "store/redis_connection.h"

enum redis_node_state {
    REDIS_NODE_RESTING,
    REDIS_NODE_WAITING,
    REDIS_NODE_CONNECTING,
    REDIS_NODE_GREETING,
    REDIS_NODE_TRIPPED, /* the breaker is open: only probes are sent */
    REDIS_NODE_UP,
};

struct redis_node_handler {
    void (*on_up)(struct redis_node *n);
    void (*on_down)(struct redis_node *n); /* after on_up: tripped, or without a connection */
    /* The end of the back-off: redis_node_connect(), or redis_node_back_off() for another one. */
    void (*on_retry)(struct redis_node *n);
    /* NULL: the connection ended without an answer. */
    void (*on_reply)(struct redis_node *n, struct redis_call *call, const struct redisReply *r);
    /* To CLUSTER SLOTS; NULL where it is not asked. */
    void (*on_topology)(struct redis_node *n, const struct redisReply *r);
};

struct redis_node {
    const struct redis_node_handler *handler;
    void *user;
    struct redis_setup *setup; /* borrowed */
    struct address address;
    struct redis_connection *connection; /* owned; NULL: none */
    struct redis_connection *losing;     /* let go of, while those whose calls it had are told */
    struct timer timer;                  /* of the state that it is in */
    struct redis_breaker breaker;
    uint64_t up_since_ms, probed_ms;
    uint32_t attempts; /* since it was last up for a while */
    uint8_t state;
    bool any_role; /* a replica does, too */
    bool has_complained;
    uint64_t complained_ms; /* 0: never */
    char name[REDIS_NAME_BYTES];
    char problem[160];
};

/* RESTING, until redis_node_connect(). */
struct redis_node *redis_node_new(struct redis_setup *setup, const struct address *address,
                                  const struct redis_node_handler *handler, void *user);
/* No event follows, also not for calls under way. Not in an event of its own. NULL-safe; *pointer
 * is NULL after. */
void redis_node_free(struct redis_node **pointer);

/* Without a connection only. */
void redis_node_set_address(struct redis_node *n, const struct address *address);
void redis_node_connect(struct redis_node *n);
void redis_node_back_off(struct redis_node *n, const char *why);
/* RESTING again; calls under way are lost. */
void redis_node_rest(struct redis_node *n);
/* It is connected, but of no use: lets go of it, and of all calls under way. */
void redis_node_drop(struct redis_node *n, struct slice why);

static inline bool redis_node_is_up(const struct redis_node *n)
{
    return n && n->state == REDIS_NODE_UP;
}

/* Sends call->command. ERR_LIMIT: it cannot be sent now. */
int redis_node_send(struct redis_node *n, struct redis_call *call) MUST_CHECK;
/* The same for a command whose answer matters to nobody, or to on_topology. */
int redis_node_say(struct redis_node *n, enum redis_await await, const struct slice *args,
                   size_t count) MUST_CHECK;
void redis_node_forget(struct redis_node *n, struct redis_call *call);
/* For the breaker: how a call has ended. */
void redis_node_count(struct redis_node *n, bool failed);

#endif
