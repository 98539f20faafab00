/* A question to Redis about one session, on behalf of all who wait for it.
 *
 *   WATCHING -- another process has asked: look whether its answer lies here --> done
 *       |
 *       v
 *   ASKING the session --> ASKING the user's stamp --> done
 *       |                          ^        |
 *       `-- Redis has lost it: ----'        `--> RESTORING what this node still holds --> done
 */
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/session_engine.h"

#include <hiredis/hiredis.h>

#define WATCH_MS 16
#define TRIES_MAX 3
#define HOPS_MAX 3

struct session_fetch {
    struct list node; /* in sessions->fetches */
    struct sessions *sessions;
    struct redis_call call;
    struct timer timer; /* while watching, or Redis is found away */
    struct defer released;
    uint8_t hash[SESSION_HASH_BYTES];
    uint32_t number;   /* of our claim */
    bool is_restoring; /* Redis has lost it, and answer.session is what the node holds */
    bool is_away;      /* nothing could be sent, which is told in an event of its own */
    uint8_t tries;
    uint64_t begun_ms;
    struct list waiting; /* struct session_op */
    struct session_answer answer;
};

static void ask_session(struct session_fetch *f);

static struct store *store_of(const struct session_fetch *f)
{
    return f->sessions->store;
}

static bool look(const struct session_fetch *f, uint64_t now_ms, struct session_copy *copy)
{
    const struct store *s = store_of(f);
    return session_cache_look(session_table(s), f->hash, now_ms, s->config->sessions.idle_ms,
                              copy) == 0;
}

/* ---- the end ---- */

static void on_released(struct defer *d)
{
    mem_free(CONTAINER_OF(d, struct session_fetch, released));
}

static void take_from_queue(struct sessions *sessions)
{
    if (list_is_empty(&sessions->queue) || sessions->fetch_count >= SESSION_FETCHES_MAX)
        return;
    struct session_op *op = CONTAINER_OF(sessions->queue.next, struct session_op, node);
    list_remove(&op->node);
    session_fetch_begin(sessions, op->hash, op);
}

/* It leads elsewhere: whoever waits is sent there. */
static void follow(struct session_op *op, const struct session_answer *a)
{
    memcpy(op->hash, a->successor, sizeof(op->hash));
    op->op.cancel = NULL;
    if (++op->hops > HOPS_MAX)
        session_finish(op, SESSION_NONE);
    else if (sessions_find(op->store, op) == STORE_DONE)
        session_finish(op, op->status);
}

static void tell(struct session_op *op, const struct session_answer *a,
                 const struct session_copy *held)
{
    switch (a->kind) {
    case SESSION_KIND_LIVE:
        op->session = a->session;
        session_finish(op, SESSION_FOUND);
        break;
    case SESSION_KIND_ALIAS:
        follow(op, a);
        break;
    case SESSION_KIND_ABSENT:
        session_finish(op, SESSION_NONE);
        break;
    default:
        session_judge_alone(op, held);
        session_finish(op, op->status);
    }
}

static void finish(struct session_fetch *f)
{
    struct session_copy held = { 0 };
    if (f->answer.kind == SESSION_KIND_NOTHING && !look(f, clock_wall_ms(), &held))
        held.kind = SESSION_KIND_NOTHING;
    timer_cancel(&f->timer);
    redis_call_cancel(&f->call);
    list_remove(&f->node);
    f->sessions->fetch_count--;
    while (!list_is_empty(&f->waiting)) {
        struct session_op *op = CONTAINER_OF(f->waiting.next, struct session_op, node);
        list_remove(&op->node);
        tell(op, &f->answer, &held);
    }
    take_from_queue(f->sessions);
    loop_defer(store_of(f)->loop, &f->released);
}

/* Kept, and told; or asked again, when somebody has changed it since we asked. */
static void settle(struct session_fetch *f, enum session_kind kind)
{
    struct store *s = store_of(f);
    uint64_t now_ms = clock_wall_ms();
    f->answer.kind = kind;
    bool kept = session_cache_fill(session_table(s), f->hash, f->number, now_ms,
                                   s->config->sessions.idle_ms, &f->answer);
    if (kept || kind == SESSION_KIND_NOTHING || f->tries >= TRIES_MAX) {
        finish(f);
        return;
    }
    if (session_cache_claim(session_table(s), f->hash, f->number, now_ms,
                            now_ms + 2ull * session_timeout_ms(s)) != SESSION_CLAIM_TAKEN)
        ask_session(f);
    else
        timer_set(&s->loop->timers, &f->timer, WATCH_MS);
}

/* ---- the questions ---- */

static bool is_text(const struct redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING;
}

static bool is_nil(const struct redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_NIL;
}

static struct slice text_of(const struct redisReply *reply)
{
    return slice_of(reply->str, reply->len);
}

static void command(struct session_fetch *f, redis_call_fn on_outcome, const struct slice *args,
                    size_t count)
{
    struct store *s = store_of(f);
    f->call.on_outcome = on_outcome;
    f->call.repeatable = true;
    f->is_away = !s->redis || redis_client_command(s->redis, &f->call, args[1], args, count,
                                                   session_timeout_ms(s));
    if (f->is_away)
        timer_set(&s->loop->timers, &f->timer, 1);
}

static struct session_fetch *fetch_of(struct redis_call *c)
{
    return CONTAINER_OF(c, struct session_fetch, call);
}

static void on_restored(struct redis_call *c, enum redis_outcome outcome,
                        const struct redisReply *reply)
{
    struct session_fetch *f = fetch_of(c);
    (void)outcome;
    if (reply && reply->type == REDIS_REPLY_STATUS)
        settle(f, SESSION_KIND_LIVE);
    else if (is_nil(reply) && f->tries < TRIES_MAX)
        ask_session(f); /* another node was faster */
    else
        settle(f, SESSION_KIND_NOTHING);
}

static void restore(struct session_fetch *f)
{
    struct store *s = store_of(f);
    char name[SESSION_KEY_MAX], text[SESSION_TEXT_MAX], ttl[20];
    uint64_t end_ms =
        session_record_end(&f->answer.session, f->answer.asked_ms, s->config->sessions.idle_ms);
    const struct slice args[] = {
        SLICE("SET"),
        session_record_name(f->hash, name),
        session_record_write(&f->answer.session, text),
        SLICE("PX"),
        slice_of(ttl, format_u64(ttl, MAX(1, end_ms - f->answer.asked_ms))),
        SLICE("NX"),
    };
    command(f, on_restored, args, ARRAY_LEN(args));
}

static void on_stamp(struct redis_call *c, enum redis_outcome outcome,
                     const struct redisReply *reply)
{
    struct session_fetch *f = fetch_of(c);
    uint64_t stamp;
    (void)outcome;
    bool ended = is_text(reply) &&
                 (!slice_to_u64(text_of(reply), &stamp) || stamp != f->answer.session.user_stamp);
    if (!is_nil(reply) && !is_text(reply))
        settle(f, SESSION_KIND_NOTHING);
    else if (ended)
        settle(f, SESSION_KIND_ABSENT);
    else if (f->is_restoring)
        restore(f);
    else
        settle(f, SESSION_KIND_LIVE);
}

static void ask_stamp(struct session_fetch *f)
{
    char name[SESSION_KEY_MAX];
    uint8_t user[SESSION_HASH_BYTES];
    session_record_user_hash(f->answer.session.uid, user);
    const struct slice args[] = { SLICE("GET"), session_record_user_name(user, name) };
    command(f, on_stamp, args, ARRAY_LEN(args));
}

/* Redis does not know it. A session that was ended leaves a mark there for as long as it could have
 * lived, and one that was idle is not held here either: so what is held has been lost. */
static void on_lost(struct session_fetch *f)
{
    struct session_copy held;
    if (look(f, f->answer.asked_ms, &held) && held.kind == SESSION_KIND_LIVE &&
        memcmp(held.hash, f->hash, sizeof(f->hash)) == 0) {
        f->is_restoring = true;
        f->answer.session = held.session;
        ask_stamp(f);
        return;
    }
    settle(f, SESSION_KIND_ABSENT);
}

static void on_session(struct redis_call *c, enum redis_outcome outcome,
                       const struct redisReply *reply)
{
    struct session_fetch *f = fetch_of(c);
    (void)outcome;
    if (is_nil(reply)) {
        on_lost(f);
        return;
    }
    enum session_kind kind = is_text(reply)
                                 ? session_record_read(text_of(reply), f->answer.asked_ms,
                                                       &f->answer.session, f->answer.successor)
                                 : SESSION_KIND_NOTHING;
    if (kind == SESSION_KIND_LIVE)
        ask_stamp(f);
    else if (is_text(reply) && kind == SESSION_KIND_NOTHING)
        settle(f, SESSION_KIND_ABSENT); /* none that we wrote: nobody can be signed in by it */
    else
        settle(f, kind);
}

static void ask_session(struct session_fetch *f)
{
    char name[SESSION_KEY_MAX];
    const struct slice args[] = { SLICE("GET"), session_record_name(f->hash, name) };
    f->tries++;
    f->is_restoring = false;
    f->answer = (struct session_answer){ .asked_ms = clock_wall_ms() };
    metrics_add(store_of(f)->metrics, COUNTER_SESSIONS_FETCHED, 1);
    command(f, on_session, args, ARRAY_LEN(args));
}

/* ---- the beginning ---- */

/* They may have asked a moment before we came, but not before the node was told to doubt. */
static bool is_their_answer(const struct session_fetch *f, const struct session_copy *copy)
{
    const struct store *s = store_of(f);
    uint64_t epoch =
        atomic_load_explicit(&store_region_node(s->region)->sessions_epoch, memory_order_relaxed);
    return copy->confirmed_ms >= epoch &&
           copy->confirmed_ms + 2ull * session_timeout_ms(s) >= f->begun_ms;
}

/* Another worker has asked: its answer, or the lack of one, shows in the record. */
static void on_watch(struct timer *t)
{
    struct session_fetch *f = CONTAINER_OF(t, struct session_fetch, timer);
    struct store *s = store_of(f);
    struct session_copy copy = { 0 };
    uint64_t now_ms = clock_wall_ms();
    if (f->is_away) {
        settle(f, SESSION_KIND_NOTHING);
        return;
    }
    bool there = look(f, now_ms, &copy);
    if (there && copy.kind == SESSION_KIND_LIVE && is_their_answer(f, &copy)) {
        bool leads_on = memcmp(copy.hash, f->hash, sizeof(f->hash)) != 0;
        f->answer.kind = leads_on ? SESSION_KIND_ALIAS : SESSION_KIND_LIVE;
        f->answer.session = copy.session;
        memcpy(f->answer.successor, copy.hash, sizeof(copy.hash));
        finish(f);
    } else if (there && copy.kind == SESSION_KIND_ABSENT) {
        f->answer.kind = copy.kind;
        finish(f);
    } else if (there && copy.fetching && now_ms < f->begun_ms + session_timeout_ms(s)) {
        timer_set(&s->loop->timers, t, WATCH_MS);
    } else {
        ask_session(f);
    }
}

static struct session_fetch *find(const struct sessions *sessions,
                                  const uint8_t hash[SESSION_HASH_BYTES])
{
    LIST_FOREACH (node, &sessions->fetches) {
        struct session_fetch *f = CONTAINER_OF(node, struct session_fetch, node);
        if (memcmp(f->hash, hash, SESSION_HASH_BYTES) == 0)
            return f;
    }
    return NULL;
}

static struct session_fetch *fetch_new(struct sessions *sessions,
                                       const uint8_t hash[SESSION_HASH_BYTES])
{
    struct session_fetch *f = mem_new(sizeof(*f));
    f->sessions = sessions;
    memcpy(f->hash, hash, SESSION_HASH_BYTES);
    f->number = random_below(&sessions->store->loop->random, UINT32_MAX) + 1;
    f->begun_ms = clock_wall_ms();
    list_init(&f->node);
    list_init(&f->waiting);
    timer_init(&f->timer, on_watch);
    defer_init(&f->released, on_released);
    list_push_back(&sessions->fetches, &f->node);
    sessions->fetch_count++;
    return f;
}

static void start(struct session_fetch *f)
{
    struct store *s = store_of(f);
    enum session_claim claim =
        session_cache_claim(session_table(s), f->hash, f->number, f->begun_ms,
                            f->begun_ms + 2ull * session_timeout_ms(s));
    if (claim != SESSION_CLAIM_TAKEN)
        ask_session(f);
    else
        timer_set(&s->loop->timers, &f->timer, WATCH_MS);
}

void session_fetch_begin(struct sessions *sessions, const uint8_t hash[SESSION_HASH_BYTES],
                         struct session_op *op)
{
    struct session_fetch *f = find(sessions, hash);
    if (!f && sessions->fetch_count >= SESSION_FETCHES_MAX) {
        if (!op)
            return;
        if (list_is_empty(&sessions->queue))
            timer_set(&sessions->store->loop->timers, &sessions->queue_timer, SESSION_QUEUE_MS);
        list_push_back(&sessions->queue, &op->node);
        return;
    }
    bool is_new = !f;
    if (is_new)
        f = fetch_new(sessions, hash);
    if (op)
        list_push_back(&f->waiting, &op->node);
    if (is_new)
        start(f);
}

void session_fetch_abandon(struct sessions *sessions)
{
    LIST_FOREACH (node, &sessions->fetches) {
        struct session_fetch *f = CONTAINER_OF(node, struct session_fetch, node);
        LIST_FOREACH (waiting, &f->waiting)
            store_op_cancel(&CONTAINER_OF(waiting, struct session_op, node)->op);
        timer_cancel(&f->timer);
        redis_call_cancel(&f->call);
        list_remove(&f->node);
        mem_free(f);
    }
}
