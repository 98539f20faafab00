/* A loop, a client of Redis on it, and calls whose outcomes are noted, for the tests of this
 * folder.
 */
#ifndef UNIT_STORE_REDIS_SCENE_H
#define UNIT_STORE_REDIS_SCENE_H

#include "fakes/fake_redis.h"
#include "observe/metrics.h"
#include "store/redis_client.h"
#include "store/redis_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define SOON_MS 400 /* a deadline that nobody reaches who answers at all */
#define NOTED_BYTES 64

struct scene {
    struct loop loop;
    struct metrics metrics;
    struct fake_redis_config config;
    struct redis_client *client;
};

struct noted_call {
    struct redis_call call;
    unsigned times;
    enum redis_outcome outcome;
    int type; /* of the reply; 0: none */
    int64_t number;
    char text[NOTED_BYTES];
};

static inline void note_outcome(struct redis_call *c, enum redis_outcome outcome,
                                const struct redisReply *reply)
{
    struct noted_call *noted = CONTAINER_OF(c, struct noted_call, call);
    struct slice text = redis_reply_text(reply);
    noted->times++;
    noted->outcome = outcome;
    noted->type = reply ? reply->type : 0;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        noted->number = reply->integer;
    snprintf(noted->text, sizeof(noted->text), "%.*s", (int)text.len, text.data ? text.data : "");
}

static inline struct noted_call noted_call(bool repeatable)
{
    return (struct noted_call){ .call = { .on_outcome = note_outcome, .repeatable = repeatable } };
}

static inline bool call_is_over(void *user)
{
    return ((struct noted_call *)user)->times > 0;
}

static inline bool client_is_up(void *user)
{
    return redis_client_is_up(((struct scene *)user)->client);
}

static inline bool client_is_down(void *user)
{
    return !redis_client_is_up(((struct scene *)user)->client);
}

/* With a client of these servers, not connected yet. */
static inline void scene_begin(struct scene *s, enum config_redis_kind kind, const uint16_t *ports,
                               size_t count)
{
    fake_redis_config(&s->config, kind, ports, count);
    s->client = redis_client_new(&s->loop, &s->config.redis, &s->metrics);
}

static inline void scene_wait_until_up(struct scene *s)
{
    fake_redis_run(&s->loop, client_is_up, s);
}

static inline void scene_wait_until_down(struct scene *s)
{
    fake_redis_run(&s->loop, client_is_down, s);
}

/* Starts a command given as words; its second one is the key. As in an event. */
static inline int scene_call(struct scene *s, struct noted_call *noted, const char *words,
                             uint32_t timeout_ms)
{
    struct slice args[8], rest = slice_str(words);
    size_t count = 0;
    while (rest.len && count < ARRAY_LEN(args)) {
        size_t len = slice_find(rest, ' ');
        args[count++] = slice_of(rest.data, len);
        rest = slice_from(rest, MIN(len + 1, rest.len));
    }
    uv_update_time(&s->loop.uv);
    loop_event_begin(&s->loop);
    int rc = redis_client_command(s->client, &noted->call, count > 1 ? args[1] : slice_of(NULL, 0),
                                  args, count, timeout_ms);
    loop_event_end(&s->loop);
    return rc;
}

/* The same, and waits for its outcome. */
static inline struct noted_call scene_ask(struct scene *s, const char *words)
{
    struct noted_call noted = noted_call(false);
    assert_int_equal(scene_call(s, &noted, words, SOON_MS), 0);
    fake_redis_run(&s->loop, call_is_over, &noted);
    assert_int_equal(noted.times, 1);
    assert_false(redis_call_is_pending(&noted.call));
    return noted;
}

#endif
