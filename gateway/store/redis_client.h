/* Redis, as one process of the gateway talks to it: a single server, a master found by Sentinel, or
 * a Cluster. hiredis formats commands and reads replies; connections, deadlines, back-off and
 * topology are ours.
 *
 * Redis never makes anybody wait: a call either is under way, with a deadline, or fails at once
 * because Redis is away (the breaker is open, no connection stands, or its pipeline is full), and
 * the caller does what it does without Redis. One connection a master, commands pipelined. After 5
 * timeouts in a row, or half of a second's calls, the breaker opens; a probe every 500 ms (PING and
 * ROLE) closes it. Reconnection backs off with full jitter, 50 ms doubling to 5 s.
 *
 * NOSCRIPT (load, once more), MOVED (slot map, at most 3 hops), ASK (ASKING, no map change),
 * TRYAGAIN, LOADING, READONLY, CLUSTERDOWN and MASTERDOWN are dealt with here; a call that was sent
 * is sent again only when it is marked `repeatable`, or when Redis said that it did nothing. */
#ifndef STORE_REDIS_CLIENT_H
#define STORE_REDIS_CLIENT_H

#include "common/err.h"
#include "common/slice.h"
#include "config/config_store.h"
#include "net/address.h"
#include "net/loop.h"

struct metrics;
struct redisReply;
struct redis_client;
struct redis_call;
struct redis_node;
struct redis_setup;

enum redis_outcome {
    REDIS_ANSWERED,  /* `reply` is set; it may be an error that Redis reports (REDIS_REPLY_ERROR) */
    REDIS_TIMED_OUT, /* may or may not have been carried out */
    REDIS_LOST,      /* the connection ended; may or may not have been carried out */
    REDIS_AWAY,      /* certainly not carried out */
};

/* `reply` is NULL unless ANSWERED, and valid during the call. Runs in an event of its own, never
 * inside redis_client_call(). May make calls, not free the client. redis_reply.h helps to read. */
typedef void (*redis_call_fn)(struct redis_call *c, enum redis_outcome outcome,
                              const struct redisReply *reply);

/* A Lua script, for as long as its client. Its SHA-1 is filled in at first use. */
struct redis_script {
    const char *text;
    char sha1[41];
};

/* Embedded in whoever asks; zero-initialise, then set the first two. */
struct redis_call {
    redis_call_fn on_outcome;
    bool repeatable; /* carrying it out twice does no harm */

    /* The client's: */
    bool maybe_done;
    uint8_t hops;
    uint32_t sequence;                 /* of its place among the awaited answers */
    int32_t slot;                      /* of a Cluster; -1: any node */
    struct redis_client *client;       /* borrowed; NULL: not pending */
    struct redis_node *sent_to;        /* borrowed; NULL: waits to be sent again */
    const struct redis_script *script; /* borrowed; NULL: another command */
    char *command;                     /* owned: as it is sent */
    size_t command_len;
    struct list node;
    struct timer deadline;
    struct address ask; /* where an ASK has led it; AF_UNSPEC: nowhere */
};

/* All are borrowed for the client's life. Connects in the background. */
struct redis_client *redis_client_new(struct loop *loop, const struct config_redis *config,
                                      struct metrics *metrics);
/* Pending calls end without their callback. NULL-safe; *pointer is NULL after. */
void redis_client_free(struct redis_client **pointer);
/* Calls can be made: the breaker is closed and a connection stands. */
bool redis_client_is_up(const struct redis_client *c);
/* Moves on when a server comes up: it may know less than the one before it did. */
uint32_t redis_client_turns(const struct redis_client *c);
/* Why it is not, for humans; "" while it is. Valid until the next event. */
const char *redis_client_problem(const struct redis_client *c);

/* 0: under way, on_outcome follows. ERR_LIMIT: Redis is away; nothing was sent, nothing follows.
 * `key` decides the Cluster node (with {hash tags}); data NULL: any node. Copies the arguments. */
int redis_client_command(struct redis_client *c, struct redis_call *call, struct slice key,
                         const struct slice *args, size_t count, uint32_t timeout_ms) MUST_CHECK;
/* EVALSHA: keys[0] decides the node; all keys must share it. */
int redis_client_script(struct redis_client *c, struct redis_call *call,
                        struct redis_script *script, const struct slice *keys, size_t key_count,
                        const struct slice *args, size_t arg_count, uint32_t timeout_ms) MUST_CHECK;
/* The caller goes away, or wants no answer any more; what was sent stays sent. Safe when idle. */
void redis_call_cancel(struct redis_call *call);

static inline bool redis_call_is_pending(const struct redis_call *call)
{
    return call->client != NULL;
}

/* For parts that have connections of their own: the address of a server that can be asked now.
 * False while there is none. */
bool redis_client_address(const struct redis_client *c, struct address *address);
struct redis_setup *redis_client_setup(struct redis_client *c);

/* --- messages (SUBSCRIBE), for the keeper ------------------------------------------------------
 */

struct redis_subscription;
typedef void (*redis_message_fn)(void *user, struct slice channel, struct slice message);
/* Called with true when the subscription stands, and with false when it is lost: messages in
 * between are gone. It is made again by itself, on a connection of its own. */
typedef void (*redis_subscribed_fn)(void *user, bool stands);

struct redis_subscription *redis_subscription_new(struct redis_client *c, const char *channel,
                                                  redis_message_fn on_message,
                                                  redis_subscribed_fn on_state, void *user);
/* Before its client. NULL-safe; *pointer is NULL after. */
void redis_subscription_free(struct redis_subscription **pointer);

#endif
