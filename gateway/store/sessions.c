#include "store/sessions.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/random.h"
#include "store/session_engine.h"

/* Without its own heartbeat for so long a node may have missed invalidations; then copies are
 * trusted for a moment only. */
#define HEARTBEAT_MS 3000
#define DOUBTED_MS 2000

enum store_result session_settle(struct session_op *op, enum session_status status)
{
    op->status = status;
    return STORE_DONE;
}

void session_finish(struct session_op *op, enum session_status status)
{
    list_remove(&op->node);
    timer_cancel(&op->timer);
    op->op.cancel = NULL;
    op->status = status;
    op->op.on_done(&op->op);
}

/* ---- how far a copy is trusted ---- */

static uint64_t since(uint64_t now_ms, uint64_t then_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0; /* clocks step back, too */
}

static uint64_t word(const _Atomic uint64_t *w)
{
    return atomic_load_explicit(w, memory_order_relaxed);
}

/* Not all copies of one busy second become old in the same second again. */
static uint64_t trusted_ms(const struct store *s, const struct session_copy *copy, uint64_t now_ms)
{
    const struct store_node *node = store_region_node(s->region);
    if (since(now_ms, word(&node->heartbeat_ms)) > HEARTBEAT_MS)
        return DOUBTED_MS;
    uint64_t cache_ms = s->config->sessions.cache_ms;
    return cache_ms * 4 / 5 + cache_ms * copy->hash[0] * 2 / 5 / UINT8_MAX;
}

static bool is_trusted(const struct session_op *op, const struct session_copy *copy,
                       uint64_t now_ms, bool *is_getting_old)
{
    const struct store *s = op->store;
    uint64_t age_ms = since(now_ms, copy->confirmed_ms);
    *is_getting_old = false;
    if (!s->redis)
        return true;
    if (copy->confirmed_ms < word(&store_region_node(s->region)->sessions_epoch))
        return false;
    uint64_t limit_ms = trusted_ms(s, copy, now_ms);
    *is_getting_old = age_ms > limit_ms * 4 / 5;
    if (op->fresh_ms)
        limit_ms = MIN(limit_ms, op->fresh_ms);
    return age_ms <= limit_ms;
}

void session_judge_alone(struct session_op *op, const struct session_copy *copy)
{
    const struct store *s = op->store;
    uint64_t now_ms = clock_wall_ms();
    uint64_t known_ms = MAX(copy->confirmed_ms, word(&store_region_node(s->region)->redis_seen_ms));
    bool good = copy->kind == SESSION_KIND_LIVE && !op->fresh_ms &&
                since(now_ms, known_ms) <= s->config->sessions.cache_ms;
    if (good) {
        op->session = copy->session;
        memcpy(op->hash, copy->hash, sizeof(op->hash)); /* of an alias, where it leads */
    }
    op->status = good ? SESSION_FOUND : SESSION_UNAVAILABLE;
}

/* ---- operations ---- */

static void cancel_wait(struct store_op *base)
{
    struct session_op *op = CONTAINER_OF(base, struct session_op, op);
    list_remove(&op->node);
    timer_cancel(&op->timer);
    redis_call_cancel(&op->op.call);
}

/* One that whoever ordered it has left: on the heap, for the exchange does not wait. */
struct session_ending {
    struct list node; /* in sessions->endings */
    struct session_op op;
    char uid[SESSION_UID_MAX + 1];
};

static void on_ended(struct store_op *op)
{
    struct session_ending *ending = CONTAINER_OF(op, struct session_ending, op.op);
    list_remove(&ending->node);
    mem_free(ending);
}

static bool is_ending(const struct sessions *sessions, const uint8_t hash[SESSION_HASH_BYTES])
{
    LIST_FOREACH (node, &sessions->endings) {
        const struct session_op *op = &CONTAINER_OF(node, struct session_ending, node)->op;
        if (!op->uid && memcmp(op->hash, hash, SESSION_HASH_BYTES) == 0)
            return true;
    }
    return false;
}

/* Half way it would have ended in Redis, and live on in the nodes' memory. From the beginning, for
 * doing it twice does no harm. */
void session_carry_on(struct session_op *op)
{
    struct store *s = op->store;
    cancel_wait(&op->op);
    if (!op->uid && is_ending(s->sessions, op->hash))
        return;
    struct session_ending *ending = mem_new(sizeof(*ending));
    list_push_back(&s->sessions->endings, &ending->node);
    ending->op.op.on_done = on_ended;
    ending->op.is_left = true;
    memcpy(ending->op.hash, op->hash, sizeof(op->hash));
    if (op->uid) {
        memcpy(ending->uid, op->uid, strnlen(op->uid, SESSION_UID_MAX));
        ending->op.uid = ending->uid;
    }
    if ((op->uid ? sessions_drop_user : sessions_drop)(s, &ending->op) == STORE_DONE)
        on_ended(&ending->op.op);
}

static void carry_on(struct store_op *op)
{
    session_carry_on(CONTAINER_OF(op, struct session_op, op));
}

static void begin(struct store *s, struct session_op *op)
{
    op->store = s;
    op->begun_ms = loop_wall_ms(s->loop);
    list_init(&op->node);
    timer_init(&op->timer, NULL);
}

static enum store_result ask(struct session_op *op, const struct session_copy *copy)
{
    if (!store_is_shared(op->store)) {
        session_judge_alone(op, copy);
        return STORE_DONE;
    }
    op->op.cancel = cancel_wait;
    session_fetch_begin(op->store->sessions, op->hash, op);
    return STORE_PENDING;
}

enum store_result sessions_find(struct store *s, struct session_op *op)
{
    struct session_copy copy;
    bool is_getting_old;
    begin(s, op);
    if (session_cache_look(session_table(s), op->hash, op->begun_ms, s->config->sessions.idle_ms,
                           &copy))
        return s->redis ? ask(op, &copy) : session_settle(op, SESSION_UNAVAILABLE);
    memcpy(op->hash, copy.hash, sizeof(op->hash));
    if (copy.kind == SESSION_KIND_ABSENT || (copy.kind == SESSION_KIND_NOTHING && !s->redis))
        return session_settle(op, SESSION_NONE);
    if (copy.kind != SESSION_KIND_LIVE || !is_trusted(op, &copy, op->begun_ms, &is_getting_old))
        return ask(op, &copy);
    if (is_getting_old && !copy.fetching && store_is_shared(s))
        session_fetch_begin(s->sessions, op->hash, NULL);
    op->session = copy.session;
    return session_settle(op, SESSION_FOUND);
}

/* With Redis the operation becomes a write under way; without it, this node's word is the truth. */
static enum store_result change(struct session_op *op,
                                enum store_result (*to_redis)(struct session_op *op))
{
    if (!store_is_shared(op->store))
        return session_settle(op, SESSION_UNAVAILABLE);
    list_push_back(&op->store->sessions->writes, &op->node);
    op->op.cancel = op->is_drop ? carry_on : cancel_wait;
    enum store_result result = to_redis(op);
    if (result == STORE_DONE) {
        list_remove(&op->node);
        op->op.cancel = NULL;
    }
    return result;
}

enum store_result sessions_create(struct store *s, struct session_op *op)
{
    const struct config_sessions *config = &s->config->sessions;
    begin(s, op);
    op->session.created_ms = op->begun_ms;
    op->session.absolute_ms = op->begun_ms + config->absolute_ms;
    op->session.revision = 1;
    op->session.affinity = random_next(&s->loop->random);
    op->session.user_stamp = 0;
    if (s->redis)
        return change(op, session_write_create);
    bool ok =
        session_cache_put(session_table(s), op->hash, op->begun_ms, config->idle_ms, &op->session);
    return session_settle(op, ok ? SESSION_FOUND : SESSION_UNAVAILABLE);
}

enum store_result sessions_rotate(struct store *s, struct session_op *op)
{
    begin(s, op);
    op->session.revision++;
    if (s->redis)
        return change(op, session_write_rotate);
    return session_settle(op, session_cache_rotate(session_table(s), op->hash, op->begun_ms,
                                                   s->config->sessions.idle_ms, op->successor,
                                                   &op->session));
}

enum store_result sessions_drop(struct store *s, struct session_op *op)
{
    begin(s, op);
    op->is_drop = true;
    if (store_is_shared(s))
        return change(op, session_write_drop);
    enum store_result result = session_write_end(op);
    op->op.cancel = result == STORE_PENDING ? carry_on : NULL;
    return result;
}

enum store_result sessions_drop_user(struct store *s, struct session_op *op)
{
    begin(s, op);
    op->is_drop = true;
    if (store_is_shared(s))
        return change(op, session_write_drop_user);
    op->is_owed = s->redis != NULL;
    op->op.cancel = carry_on;
    session_write_scan(op);
    return STORE_PENDING;
}

/* ---- life ---- */

static void on_queue_timer(struct timer *t)
{
    struct sessions *sessions = CONTAINER_OF(t, struct sessions, queue_timer);
    uint64_t now_ms = clock_wall_ms();
    /* Whoever is told may take another from the queue: always the first of those who are left. */
    while (!list_is_empty(&sessions->queue)) {
        struct session_op *op = CONTAINER_OF(sessions->queue.next, struct session_op, node);
        struct session_copy copy;
        if (now_ms < op->begun_ms + SESSION_QUEUE_MS && now_ms >= op->begun_ms)
            break; /* they stand in the order in which they came */
        if (session_cache_look(session_table(op->store), op->hash, now_ms,
                               op->store->config->sessions.idle_ms, &copy))
            copy.kind = SESSION_KIND_NOTHING;
        session_judge_alone(op, &copy);
        session_finish(op, op->status);
    }
    if (!list_is_empty(&sessions->queue))
        timer_set(&sessions->store->loop->timers, t, SESSION_QUEUE_MS);
}

struct sessions *sessions_new(struct store *s)
{
    struct sessions *sessions = mem_new(sizeof(*sessions));
    sessions->store = s;
    list_init(&sessions->fetches);
    list_init(&sessions->queue);
    list_init(&sessions->writes);
    list_init(&sessions->endings);
    timer_init(&sessions->queue_timer, on_queue_timer);
    return sessions;
}

static void abandon(struct list *ops)
{
    while (!list_is_empty(ops)) {
        struct session_op *op = CONTAINER_OF(ops->next, struct session_op, node);
        op->op.cancel = NULL;
        cancel_wait(&op->op);
    }
}

static void abandon_endings(struct list *endings)
{
    while (!list_is_empty(endings)) {
        struct session_ending *ending = CONTAINER_OF(endings->next, struct session_ending, node);
        cancel_wait(&ending->op.op);
        list_remove(&ending->node);
        mem_free(ending);
    }
}

void sessions_free(struct sessions **pointer)
{
    if (!*pointer)
        return;
    abandon(&(*pointer)->queue);
    abandon(&(*pointer)->writes);
    abandon_endings(&(*pointer)->endings);
    session_fetch_abandon(*pointer);
    timer_cancel(&(*pointer)->queue_timer);
    mem_free(*pointer);
    *pointer = NULL;
}
