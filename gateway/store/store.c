#include "store/store.h"

#include "common/digest.h"
#include "common/mem.h"
#include "observe/board.h"
#include "store/limits.h"
#include "store/sessions.h"
#include "store/submissions_engine.h"

#define LINK_CONFIG_BYTES_MAX (1024 * 1024)
#define LINK_RETIRED_MS 30000 /* longer than any call waits */

/* A client of Redis with its configuration, which other settings may outlive. */
struct store_link {
    struct list node; /* in store.retired */
    struct arena arena;
    const struct config_redis *config; /* in the arena */
    struct redis_client *client;       /* owned */
    struct redis_client *waiting;      /* owned; NULL unless there are submissions */
    struct timer timer;                /* retired: until it is freed */
};

void store_init(struct store *s, struct loop *loop, struct store_region *region, uint32_t slot,
                struct metrics *metrics)
{
    *s = (struct store){ .loop = loop, .metrics = metrics, .slot = slot, .region = region };
    list_init(&s->retired);
    list_init(&s->settling);
    for (int i = 0; i < STORE_TABLES; i++)
        s->tables[i] = store_region_table(region, (enum store_table)i);
    s->limits = limits_new(s);
    s->sessions = sessions_new(s);
}

/* --- the way to Redis ------------------------------------------------------------------------- */

static void link_free(struct store_link **link)
{
    struct store_link *l = *link;
    if (!l)
        return;
    redis_client_free(&l->client);
    redis_client_free(&l->waiting);
    timer_cancel(&l->timer);
    list_remove(&l->node);
    if (l->config && l->config->password.path)
        mem_wipe((char *)l->config->password.data.data, l->config->password.data.len);
    if (l->config && l->config->tls_key.path)
        mem_wipe((char *)l->config->tls_key.data.data, l->config->tls_key.data.len);
    arena_fini(&l->arena);
    mem_free(l);
    *link = NULL;
}

static void on_retired(struct timer *timer)
{
    struct store_link *link = CONTAINER_OF(timer, struct store_link, timer);
    link_free(&link);
}

static struct store_link *link_new(struct store *s, const struct config_redis *config)
{
    struct store_link *link = mem_new(sizeof(*link));
    list_init(&link->node);
    timer_init(&link->timer, on_retired);
    arena_init(&link->arena, NULL, LINK_CONFIG_BYTES_MAX);
    link->config = config_redis_copy(config, &link->arena);
    if (link->config)
        link->client = redis_client_new(s->loop, link->config, s->metrics);
    return link;
}

/* What is pending has a deadline, and ends before the client does. */
static void link_retire(struct store *s)
{
    if (!s->link)
        return;
    list_push_back(&s->retired, &s->link->node);
    timer_set(&s->loop->timers, &s->link->timer, LINK_RETIRED_MS);
    s->link = NULL;
    s->redis = s->redis_waiting = NULL;
}

static void follow_redis(struct store *s, const struct config_redis *config)
{
    if (config_redis_equal(s->link ? s->link->config : NULL, config))
        return;
    link_retire(s);
    if (!config)
        return;
    s->link = link_new(s, config);
    s->redis = s->link->client;
}

static bool has_submissions(const struct config *config)
{
    for (size_t i = 0; i < config->route_count; i++)
        if (config->routes[i].submission)
            return true;
    return false;
}

/* The keeper dispatches nothing. */
static void follow_submissions(struct store *s, const struct config *config)
{
    if (s->slot == BOARD_KEEPER || !has_submissions(config) || !s->link || !s->redis)
        return;
    if (!s->link->waiting)
        s->link->waiting = redis_client_new(s->loop, s->link->config, s->metrics);
    s->redis_waiting = s->link->waiting;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void derive_secret(struct store *s, const struct config_store *config)
{
    const struct store_node *node = store_region_node(s->region);
    struct slice master = slice_of((const char *)node->secret, sizeof(node->secret));
    if (config->secret.path)
        master = config->secret.data;
    digest_derive(master, "cong store", 0, s->secret);
}

void store_apply(struct store *s, const struct config *config)
{
    s->config = config;
    derive_secret(s, &config->store);
    follow_redis(s, config->store.redis);
    follow_submissions(s, config);
    /* Its folder stays, as that which is read at the next start. */
    if (!s->journal && config->store.journal_dir)
        s->journal = submission_journal_new(s->loop, config->store.journal_dir, s->slot,
                                            config->store.journal_sync);
    limits_apply(s->limits);
}

void store_fini(struct store *s)
{
    sessions_free(&s->sessions);
    limits_free(&s->limits);
    submissions_redis_fini(s);
    submission_journal_free(&s->journal);
    link_free(&s->link);
    LIST_FOREACH (node, &s->retired) {
        struct store_link *link = CONTAINER_OF(node, struct store_link, node);
        link_free(&link);
    }
    s->redis = s->redis_waiting = NULL;
    mem_wipe(s->secret, sizeof(s->secret));
}
