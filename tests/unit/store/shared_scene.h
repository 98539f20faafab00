/* A limits_scene whose store shares a Redis: a scripted one, or Debian's. Opened, then connected,
 * so that a test may configure more in between. */
#ifndef UNIT_STORE_SHARED_SCENE_H
#define UNIT_STORE_SHARED_SCENE_H

#include "fakes/real_redis.h"
#include "tests/unit/store/limits_scene.h"

static inline bool shared_scene_is_up(void *user)
{
    const struct store *store = &((struct limits_scene *)user)->store;
    return store_is_shared(store) &&
           (!store->redis_waiting || redis_client_is_up(store->redis_waiting));
}

/* Comes back when Redis can be asked. */
static inline void shared_scene_connect(struct limits_scene *s, uint16_t port, uint32_t timeout_ms)
{
    fake_redis_config(&s->redis, CONFIG_REDIS_SINGLE, &port, 1);
    s->redis.redis.command_timeout_ms = timeout_ms;
    s->config.store.redis = &s->redis.redis;
    store_apply(&s->store, &s->config);
    fake_redis_run(&s->loop, shared_scene_is_up, s);
}

static inline void shared_scene_open(struct limits_scene *s, struct fake_redis *server,
                                     fake_redis_fn answer)
{
    limits_scene_open(s);
    fake_redis_init(server, &s->loop, answer, NULL);
}

static inline void shared_scene_close(struct limits_scene *s, struct fake_redis *server)
{
    store_fini(&s->store);
    fake_redis_fini(server);
    loop_fini(&s->loop);
    store_region_free(&s->region);
}

static inline void shared_scene_open_real(struct limits_scene *s, struct real_redis *server)
{
    *server = (struct real_redis){ 0 };
    real_redis_start(server);
    limits_scene_open(s);
}

static inline void shared_scene_close_real(struct limits_scene *s, struct real_redis *server)
{
    limits_scene_close(s);
    real_redis_stop(server);
}

#endif
