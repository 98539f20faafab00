/* Whether Redis may evict keys when its memory is full: then the record that a submission was sent
 * could go, and the submission be sent again. Asked of one server, whichever answers; where it does
 * not tell (INFO may be forbidden), nothing is said. */
#include "common/log.h"
#include "common/mem.h"
#include "store/redis_reply.h"
#include "store/store_task.h"

#define PERIOD_MS 500
#define ASK_PERIODS 120 /* between two questions that were answered: people change it meanwhile */
#define DEADLINE_MS 1000

struct eviction {
    struct store_task task;
    struct redis_call call;
    const struct redis_client *redis; /* borrowed: whom the call asks */
    uint32_t rest_periods;            /* until it is asked again */
};

static void set(struct eviction *v, bool may_evict, struct slice policy)
{
    struct store_node *node = store_region_node(v->task.store->region);
    bool might = atomic_exchange_explicit(&node->redis_may_evict, may_evict, memory_order_relaxed);
    if (may_evict && !might)
        log_write(LOG_WARN,
                  "store: Redis evicts keys when its memory is full (maxmemory-policy %.*s), and "
                  "submissions could be sent twice: set it to noeviction",
                  (int)MIN(policy.len, 32), policy.data);
}

/* Of the lines "name:value" that INFO consists of; data NULL: it is not there. */
static struct slice find_field(struct slice text, struct slice name)
{
    while (text.len) {
        size_t end = slice_find(text, '\n');
        struct slice line = slice_of(text.data, end);
        if (line.len && line.data[line.len - 1] == '\r')
            line.len--;
        if (slice_starts_with(line, name) && line.len > name.len && line.data[name.len] == ':')
            return slice_from(line, name.len + 1);
        text = slice_from(text, MIN(end + 1, text.len));
    }
    return slice_of(NULL, 0);
}

static void on_outcome(struct redis_call *call, enum redis_outcome outcome,
                       const struct redisReply *reply)
{
    struct eviction *v = CONTAINER_OF(call, struct eviction, call);
    if (outcome != REDIS_ANSWERED)
        return;
    v->rest_periods = ASK_PERIODS;
    if (redis_reply_is_error(reply))
        return;
    struct slice text = redis_reply_text(reply);
    struct slice memory = find_field(text, SLICE("maxmemory"));
    struct slice policy = find_field(text, SLICE("maxmemory_policy"));
    if (memory.len && policy.len)
        set(v, !slice_eq(memory, SLICE("0")) && !slice_eq(policy, SLICE("noeviction")), policy);
}

/* --- the task --------------------------------------------------------------------------------- */

static struct store_task *eviction_new(void)
{
    struct eviction *v = mem_new(sizeof(*v));
    return &v->task;
}

static void eviction_apply(struct store_task *t)
{
    struct eviction *v = CONTAINER_OF(t, struct eviction, task);
    if (v->redis == t->store->redis)
        return;
    redis_call_cancel(&v->call);
    v->redis = t->store->redis;
    v->rest_periods = 0;
    if (!v->redis)
        set(v, false, SLICE(""));
}

static void eviction_tick(struct store_task *t)
{
    static const struct slice words[] = { { "INFO", 4 }, { "memory", 6 } };
    struct eviction *v = CONTAINER_OF(t, struct eviction, task);
    if (v->rest_periods) {
        v->rest_periods--;
        return;
    }
    if (!store_is_shared(t->store) || redis_call_is_pending(&v->call))
        return;
    v->call = (struct redis_call){ .on_outcome = on_outcome, .repeatable = true };
    int rc = redis_client_command(t->store->redis, &v->call, slice_of(NULL, 0), words,
                                  ARRAY_LEN(words), DEADLINE_MS);
    (void)rc; /* in the next period, then */
}

static void eviction_free(struct store_task *t)
{
    struct eviction *v = CONTAINER_OF(t, struct eviction, task);
    redis_call_cancel(&v->call);
    mem_free(v);
}

const struct store_task_type store_eviction = {
    .new = eviction_new,
    .apply = eviction_apply,
    .tick = eviction_tick,
    .free = eviction_free,
    .period_ms = PERIOD_MS,
};
