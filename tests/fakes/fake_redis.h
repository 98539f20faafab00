/* A Redis server of the test's own, on the test's loop: it reads commands, and answers what the
 * test says, which need not make sense. And what it takes to run a loop until something has
 * happened. */
#ifndef FAKES_FAKE_REDIS_H
#define FAKES_FAKE_REDIS_H

#include "common/slice.h"
#include "config/config_store.h"
#include "net/loop.h"

#include <hiredis/hiredis.h>

struct fake_redis;

/* What to send back, in RESP, as a terminated string; NULL: nothing, and "" too. `command` is an
 * array of strings. It may close the connection with fake_redis_hang_up(). */
typedef const char *(*fake_redis_fn)(struct fake_redis *f, const redisReply *command);

struct fake_redis {
    struct loop *loop;
    uv_tcp_t listener;
    fake_redis_fn answer; /* to all but PING, ROLE, AUTH and SCRIPT LOAD, unless `answers_all` */
    void *user;
    bool answers_all;
    bool is_mute;         /* reads, and says nothing at all */
    unsigned connections; /* that have been accepted */
    unsigned commands;    /* without those of greetings */
    uint16_t port;
    struct fake_redis_peer *speaking;
    struct fake_redis_peer *peers;
};

/* Listens on a free port of 127.0.0.1. */
void fake_redis_init(struct fake_redis *f, struct loop *loop, fake_redis_fn answer, void *user);
/* Closes all; run the loop once more before its memory goes (loop_fini does). */
void fake_redis_fini(struct fake_redis *f);
/* The connection whose command is being answered, or all of them, end at once. */
void fake_redis_hang_up(struct fake_redis *f);
void fake_redis_hang_up_all(struct fake_redis *f);
/* To all connections, unasked. */
void fake_redis_say(struct fake_redis *f, const char *text);

/* What it says by itself to PING, ROLE, AUTH and SCRIPT; NULL to all others. */
const char *fake_redis_greet(const redisReply *command);
/* The command's first word, and one of its arguments. */
bool fake_redis_is(const redisReply *command, const char *word);
struct slice fake_redis_argument(const redisReply *command, size_t index);

/* The configuration of a client of these servers on 127.0.0.1, with timeouts fit for tests. */
#define FAKE_REDIS_SERVERS_MAX 8
struct fake_redis_config {
    struct config_redis redis;
    struct config_address servers[FAKE_REDIS_SERVERS_MAX];
};
void fake_redis_config(struct fake_redis_config *c, enum config_redis_kind kind,
                       const uint16_t *ports, size_t count);

/* Runs the loop until is_done(user); aborts after 20 s. */
void fake_redis_run(struct loop *loop, bool (*is_done)(void *user), void *user);

#endif
