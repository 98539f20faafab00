/* A store on a region of its own, and rate limits of a day's length, so that nothing comes back
 * while a test runs unless it moves the clock. */
#ifndef UNIT_STORE_LIMITS_SCENE_H
#define UNIT_STORE_LIMITS_SCENE_H

#include "fakes/fake_redis.h"
#include "store/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define DAY_MS (24u * 3600 * 1000)
#define DAY_US (DAY_MS * 1000ull)

struct limits_scene {
    struct loop loop;
    struct metrics metrics;
    struct store_region *region;
    struct store store;
    struct config config;
    struct fake_redis_config redis;
};

struct taken {
    struct limit_op op;
    bool done;
};

static inline void limits_scene_open(struct limits_scene *s)
{
    static const struct config_store sizes = { .sessions = 100,
                                               .limits = 1000,
                                               .submissions = 100 };
    char folder[] = "/tmp/test_limits.XXXXXX", path[64];
    struct err e;
    *s = (struct limits_scene){ .config.store = sizes };
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/store", folder);
    s->region = store_region_open(path, &sizes, NULL, &e);
    assert_non_null(s->region);
    unlink(path);
    rmdir(folder);
    assert_int_equal(loop_init(&s->loop), 0);
    loop_event_begin(&s->loop);
    loop_event_end(&s->loop);
    store_init(&s->store, &s->loop, s->region, 0, &s->metrics);
    store_apply(&s->store, &s->config);
}

static inline void limits_scene_close(struct limits_scene *s)
{
    store_fini(&s->store);
    loop_fini(&s->loop);
    store_region_free(&s->region);
}

static inline void note_taken(struct store_op *op)
{
    CONTAINER_OF(op, struct taken, op.op)->done = true;
}

/* As in an event. Pending operations go on in the loop. */
static inline void limits_scene_take(struct limits_scene *s, struct taken *t,
                                     const struct config_rate_limit *limit, const char *key)
{
    *t =
        (struct taken){ .op = { .op.on_done = note_taken, .limit = limit, .key = slice_str(key) } };
    uv_update_time(&s->loop.uv);
    t->done = limits_take(&s->store, &t->op) == STORE_DONE;
}

#endif
