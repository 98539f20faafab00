/* One connection to a Redis server, TCP or TLS on it: commands out, replies in, matched by their
 * order (RESP2). It knows nothing of deadlines of calls, nor of topology.
 *
 * An answer that nobody waits for any more is dropped in its turn. A connection whose oldest
 * command has no answer after 500 ms ends, and so does one that says what is not asked for; after a
 * second of silence a PING asks whether anybody is there. */
#ifndef STORE_REDIS_CONNECTION_H
#define STORE_REDIS_CONNECTION_H

#include "net/address.h"
#include "store/redis_setup.h"

#define REDIS_PIPELINE_CALLS 128
#define REDIS_PIPELINE_BYTES (1024 * 1024)

struct redisReply;
struct redis_call;
struct redis_connection;

/* What an answer is for. */
enum redis_await {
    REDIS_AWAIT_NOTHING, /* dropped here */
    REDIS_AWAIT_CALL,
    REDIS_AWAIT_AUTH,
    REDIS_AWAIT_PING,
    REDIS_AWAIT_ROLE,
    REDIS_AWAIT_TOPOLOGY,
    REDIS_AWAIT_SUBSCRIBE,
};

/* A handler may close the connection in each of them. */
struct redis_connection_handler {
    void (*on_open)(void *user);
    void (*on_reply)(void *user, enum redis_await await, struct redis_call *call,
                     const struct redisReply *reply);
    /* A message of a subscription; NULL where there are none. */
    void (*on_push)(void *user, const struct redisReply *message);
    /* The last event; commands without an answer are still to be had (redis_connection_unanswered)
     * during it. `why` is a constant. */
    void (*on_end)(void *user, struct redis_connection *c, const char *why);
};

/* on_open or on_end follows. It frees itself after on_end, and after redis_connection_close(). */
struct redis_connection *redis_connection_open(struct redis_setup *setup,
                                               const struct address *address,
                                               const struct redis_connection_handler *handler,
                                               void *user);
/* No event follows; what was sent still leaves. NULL-safe; *pointer is NULL after. */
void redis_connection_close(struct redis_connection **pointer);

/* False when the pipeline has no room for a call of so many bytes. */
bool redis_connection_has_room(const struct redis_connection *c, size_t bytes);
/* Sends what redis_format() has made. 0, or ERR_LIMIT when it cannot be sent; *sequence, if not
 * NULL, names its answer. */
int redis_connection_send(struct redis_connection *c, enum redis_await await,
                          struct redis_call *call, struct slice command,
                          uint32_t *sequence) MUST_CHECK;
int redis_connection_command(struct redis_connection *c, enum redis_await await,
                             const struct slice *args, size_t count) MUST_CHECK;
/* AUTH, when there is a password. */
int redis_connection_auth(struct redis_connection *c) MUST_CHECK;
/* Nobody waits for this answer any more. */
void redis_connection_forget(struct redis_connection *c, uint32_t sequence);
/* The next call that has been sent, was not forgotten, and has no answer; NULL when there is none
 * left. For on_end, and just before closing. */
struct redis_call *redis_connection_unanswered(struct redis_connection *c);

#endif
