/* What the keeper does for sessions that Redis keeps:
 *
 * - It hears what other nodes have changed, and drops the copies. Its own heartbeat, which it hears
 *   in the same way, tells the workers that nothing was missed.
 * - It tells Redis, once a minute for each session, that it is in use; so that no request has to.
 * - What was ended while Redis was away, it ends there.
 * - What Redis has lost, it puts back: at once when Redis lost everything, which a mark of ours
 *   shows that is not there any more. */
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/redis_reply.h"
#include "store/session_engine.h"
#include "store/store_task.h"

#include <stdio.h>

#define PERIOD_MS 100
#define BEAT_PERIODS 10 /* between two heartbeats */
#define DEADLINE_MS 150
#define TELL_MS 60000                            /* between two words about a session in use */
#define TELLERS 64                               /* commands under way */
#define PASS_PERIODS 100                         /* in which all sessions are looked at */
#define SLICE_BUCKETS (TELLERS / SHM_TABLE_WAYS) /* looked at before the commands are sent */
#define MARK_KEY "cong:{mark}"

struct sessions_keeper;

/* One session that Redis is being told about. */
struct teller {
    struct redis_call call;
    struct sessions_keeper *keeper; /* borrowed */
    enum session_kind kind;         /* LIVE or OWED; NOTHING: free */
    uint64_t stamp;                 /* not 0: `hash` is a user's, all of whose sessions are owed */
    uint8_t hash[SESSION_HASH_BYTES];
    uint64_t seen_ms;
    struct session session;
};

struct sessions_keeper {
    struct store_task task;
    const struct redis_client *redis;        /* borrowed: whom we talk to */
    struct redis_subscription *subscription; /* owned */
    struct redis_call beat, mark_call;
    uint64_t mark;    /* that Redis had; 0: not known yet */
    uint32_t periods; /* since the last heartbeat */
    uint32_t user_cursor;
    uint32_t cursor;       /* of the pass over all sessions */
    uint32_t buckets_left; /* of this period's share */
    bool restores;         /* all of this pass, because Redis has lost them */
    bool restores_next;    /* the next pass will */
    uint32_t busy;         /* tellers */
    bool is_sending;
    struct redis_script mark_script;
    uint64_t now_ms; /* while the sessions are looked at */
    struct teller tellers[TELLERS];
};

static struct store *store_of(const struct sessions_keeper *k)
{
    return k->task.store;
}

static struct store_node *node_of(const struct sessions_keeper *k)
{
    return store_region_node(store_of(k)->region);
}

static struct shm_table *table_of(const struct sessions_keeper *k)
{
    return session_table(store_of(k));
}

static struct shm_table *users_of(const struct sessions_keeper *k)
{
    return store_of(k)->tables[STORE_USERS];
}

static uint32_t idle_ms(const struct sessions_keeper *k)
{
    return store_of(k)->config->sessions.idle_ms;
}

/* ---- what others say ---- */

static struct slice own_name(const struct sessions_keeper *k)
{
    const char *name = node_of(k)->name;
    return slice_of(name, strnlen(name, sizeof(node_of(k)->name)));
}

/* False: not all of them. */
static bool forget_user(struct sessions_keeper *k, struct slice name)
{
    char uid[SESSION_UID_MAX + 1];
    uint32_t cursor = 0;
    if (name.len > SESSION_UID_MAX)
        return false;
    memcpy(uid, name.data, name.len);
    uid[name.len] = '\0';
    return session_cache_forget_user(table_of(k), uid, clock_wall_ms(), 0, &cursor, UINT32_MAX);
}

static void on_message(void *user, struct slice channel, struct slice message)
{
    struct sessions_keeper *k = user;
    uint8_t hash[SESSION_HASH_BYTES];
    (void)channel;
    if (slice_starts_with(message, SLICE("h:"))) {
        if (slice_eq(slice_from(message, 2), own_name(k)))
            atomic_store_explicit(&node_of(k)->heartbeat_ms, clock_wall_ms(), memory_order_relaxed);
    } else if (slice_starts_with(message, SLICE("u:"))) {
        if (!forget_user(k, slice_from(message, 2)))
            session_doubt_all(store_of(k));
    } else if (!session_record_unhex(message, hash) || !session_cache_forget(table_of(k), hash)) {
        session_doubt_all(store_of(k)); /* SESSION_DOUBT_ALL, or not understood, or not done */
    }
}

/* Whatever was said in between has been missed. */
static void on_state(void *user, bool stands)
{
    struct sessions_keeper *k = user;
    if (stands)
        session_doubt_all(store_of(k));
    log_write(LOG_DEBUG, "sessions: changes by other nodes %s",
              stands ? "arrive" : "do not arrive any more");
}

/* ---- heartbeat and mark ---- */

static void on_beat(struct redis_call *call, enum redis_outcome outcome,
                    const struct redisReply *reply)
{
    (void)call, (void)outcome, (void)reply; /* what counts is that it is heard */
}

static bool ask(struct sessions_keeper *k, struct redis_call *call, redis_call_fn on_outcome,
                struct slice key, const struct slice *args, size_t count)
{
    call->on_outcome = on_outcome;
    call->repeatable = true;
    return redis_client_command(store_of(k)->redis, call, key, args, count, DEADLINE_MS) == 0;
}

static void send_beat(struct sessions_keeper *k)
{
    char text[2 + sizeof(node_of(k)->name)];
    struct slice name = own_name(k);
    memcpy(text, "h:", 2);
    memcpy(text + 2, name.data, name.len);
    const struct slice args[] = { SLICE("PUBLISH"), SLICE(SESSION_CHANNEL),
                                  slice_of(text, name.len + 2) };
    if (!redis_call_is_pending(&k->beat))
        (void)ask(k, &k->beat, on_beat, (struct slice){ 0 }, args, ARRAY_LEN(args));
}

static void on_mark(struct redis_call *call, enum redis_outcome outcome,
                    const struct redisReply *reply)
{
    struct sessions_keeper *k = CONTAINER_OF(call, struct sessions_keeper, mark_call);
    uint64_t mark;
    if (outcome != REDIS_ANSWERED || !slice_to_u64(redis_reply_text(reply), &mark))
        return;
    if (k->mark && k->mark != mark) {
        log_write(LOG_WARN, "sessions: Redis has lost its data; it gets back what this node holds");
        k->restores_next = true;
        k->cursor = 0;
    }
    k->mark = mark;
}

static const char mark_text[] =
    "local mark = redis.call('GET', KEYS[1])\n"
    "if not mark then mark = ARGV[1] redis.call('SET', KEYS[1], mark) end\n"
    "return mark\n";

/* Whoever finds no mark makes one; whoever finds another than it knew knows that all was lost. */
static void read_mark(struct sessions_keeper *k)
{
    const struct slice key = SLICE(MARK_KEY);
    char number[20];
    struct slice fresh =
        slice_of(number, format_u64(number, random_next(&store_of(k)->loop->random) | 1));
    if (redis_call_is_pending(&k->mark_call))
        return;
    k->mark_call.on_outcome = on_mark;
    k->mark_call.repeatable = true;
    int rc = redis_client_script(store_of(k)->redis, &k->mark_call, &k->mark_script, &key, 1,
                                 &fresh, 1, DEADLINE_MS);
    (void)rc; /* away: the next one will do */
}

/* ---- telling Redis ---- */

static void look_at_more(struct sessions_keeper *k);

static void free_teller(struct teller *t)
{
    struct sessions_keeper *k = t->keeper;
    t->kind = SESSION_KIND_NOTHING;
    k->busy--;
    if (k->busy == 0 && !k->is_sending)
        look_at_more(k);
}

static void on_told(struct redis_call *call, enum redis_outcome outcome,
                    const struct redisReply *reply)
{
    struct teller *t = CONTAINER_OF(call, struct teller, call);
    bool told = outcome == REDIS_ANSWERED && !redis_reply_is_error(reply);
    if (told && t->stamp)
        session_cache_user_told(users_of(t->keeper), t->hash, t->stamp);
    else if (told)
        session_cache_told(table_of(t->keeper), t->hash, t->kind, t->seen_ms);
    free_teller(t);
}

static void command(struct teller *t, redis_call_fn on_outcome, const struct slice *args,
                    size_t count)
{
    if (!ask(t->keeper, &t->call, on_outcome, args[1], args, count))
        free_teller(t);
}

static void put_back(struct teller *t)
{
    char name[SESSION_KEY_MAX], text[SESSION_TEXT_MAX], ttl[20];
    uint64_t now_ms = clock_wall_ms();
    uint64_t end_ms = session_record_end(&t->session, t->seen_ms, idle_ms(t->keeper));
    const struct slice args[] = {
        SLICE("SET"),
        session_record_name(t->hash, name),
        session_record_write(&t->session, text),
        SLICE("PX"),
        slice_of(ttl, format_u64(ttl, end_ms > now_ms ? end_ms - now_ms : 1)),
        SLICE("NX"),
    };
    command(t, on_told, args, ARRAY_LEN(args));
}

static void on_prolonged(struct redis_call *call, enum redis_outcome outcome,
                         const struct redisReply *reply)
{
    struct teller *t = CONTAINER_OF(call, struct teller, call);
    int64_t count;
    if (outcome == REDIS_ANSWERED && redis_reply_integer(reply, &count) && count == 0)
        put_back(t);
    else
        on_told(call, outcome, reply);
}

static void prolong(struct teller *t)
{
    char name[SESSION_KEY_MAX], ttl[20];
    uint64_t now_ms = clock_wall_ms();
    uint64_t end_ms = session_record_end(&t->session, t->seen_ms, idle_ms(t->keeper));
    const struct slice args[] = {
        SLICE("PEXPIRE"), session_record_name(t->hash, name),
        slice_of(ttl, format_u64(ttl, end_ms > now_ms ? end_ms - now_ms : 1)),
        SLICE("GT"), /* another node may have seen it later */
    };
    command(t, on_prolonged, args, ARRAY_LEN(args));
}

static void on_ended(struct redis_call *call, enum redis_outcome outcome,
                     const struct redisReply *reply)
{
    struct teller *t = CONTAINER_OF(call, struct teller, call);
    char hex[SESSION_HEX_LEN];
    if (outcome != REDIS_ANSWERED || redis_reply_is_error(reply)) {
        free_teller(t);
        return;
    }
    session_record_hex(t->hash, hex);
    const struct slice args[] = { SLICE("PUBLISH"), SLICE(SESSION_CHANNEL),
                                  t->stamp ? SLICE(SESSION_DOUBT_ALL)
                                           : slice_of(hex, sizeof(hex)) };
    command(t, on_told, args, ARRAY_LEN(args));
}

static void end_owed(struct teller *t)
{
    char name[SESSION_KEY_MAX], ttl[20], stamp[20];
    const struct slice args[] = {
        SLICE("SET"),
        t->stamp ? session_record_user_name(t->hash, name) : session_record_name(t->hash, name),
        t->stamp ? slice_of(stamp, format_u64(stamp, t->stamp)) : SLICE("X"),
        SLICE("PX"),
        slice_of(ttl, format_u64(ttl, store_of(t->keeper)->config->sessions.absolute_ms)),
    };
    command(t, on_ended, args, ARRAY_LEN(args));
}

/* ---- which sessions ---- */

static bool is_due(const struct sessions_keeper *k, const struct session_record *r)
{
    if (r->kind == SESSION_KIND_OWED)
        return true;
    if (r->kind != SESSION_KIND_LIVE)
        return false;
    return k->restores ||
           (r->seen_ms > r->told_ms && k->now_ms >= r->told_ms + MIN(TELL_MS, idle_ms(k) / 4));
}

/* A bucket is locked: only copies. There is a teller for each record of a slice. */
static void consider(void *user, void *record)
{
    struct sessions_keeper *k = user;
    const struct session_record *r = record;
    struct siphash key = shm_table_key(record);
    if (!is_due(k, r))
        return;
    assert(k->busy < TELLERS);
    struct teller *t = &k->tellers[k->busy++];
    t->kind = (enum session_kind)r->kind;
    t->stamp = 0;
    t->seen_ms = r->seen_ms;
    memcpy(t->hash, &key, sizeof(t->hash));
    session_cache_copy(&t->session, &r->session);
}

static void consider_user(void *user, void *record)
{
    struct sessions_keeper *k = user;
    const struct session_user_record *r = record;
    struct siphash key = shm_table_key(record);
    assert(k->busy < TELLERS);
    struct teller *t = &k->tellers[k->busy++];
    t->kind = SESSION_KIND_OWED;
    t->stamp = r->stamp | 1;
    memcpy(t->hash, &key, sizeof(t->hash));
}

static void send_all(struct sessions_keeper *k)
{
    uint32_t count = k->busy; /* each may fail at once, and be counted out again */
    k->is_sending = true;
    for (uint32_t i = 0; i < count; i++) {
        struct teller *t = &k->tellers[i];
        if (t->kind == SESSION_KIND_OWED)
            end_owed(t);
        else if (k->restores)
            put_back(t);
        else
            prolong(t);
    }
    k->is_sending = false;
}

/* Until there is something to say, or this period's share is over. */
static void look_at_more(struct sessions_keeper *k)
{
    k->now_ms = clock_wall_ms();
    while (k->busy == 0 && k->buckets_left > 0 && store_is_shared(store_of(k))) {
        if (k->cursor == 0) {
            k->restores = k->restores_next;
            k->restores_next = false;
        }
        k->buckets_left -= MIN(k->buckets_left, SLICE_BUCKETS);
        if (shm_table_count(users_of(k)) > 0)
            shm_table_visit(users_of(k), &k->user_cursor, SLICE_BUCKETS, k->now_ms, consider_user,
                            k);
        if (k->busy == 0)
            shm_table_visit(table_of(k), &k->cursor, SLICE_BUCKETS, k->now_ms, consider, k);
        send_all(k);
    }
}

/* ---- the task ---- */

static struct store_task *keeper_new(void)
{
    struct sessions_keeper *k = mem_new(sizeof(*k));
    k->mark_script.text = mark_text;
    for (size_t i = 0; i < TELLERS; i++)
        k->tellers[i].keeper = k;
    return &k->task;
}

static void let_go(struct sessions_keeper *k)
{
    redis_subscription_free(&k->subscription);
    redis_call_cancel(&k->beat);
    redis_call_cancel(&k->mark_call);
    for (size_t i = 0; i < TELLERS; i++) {
        redis_call_cancel(&k->tellers[i].call);
        k->tellers[i].kind = SESSION_KIND_NOTHING;
    }
    k->busy = 0;
    k->mark = 0;
}

static void keeper_apply(struct store_task *task)
{
    struct sessions_keeper *k = CONTAINER_OF(task, struct sessions_keeper, task);
    struct redis_client *redis = task->store->redis;
    if (k->redis == redis)
        return;
    let_go(k);
    k->redis = redis;
    if (redis)
        k->subscription = redis_subscription_new(redis, SESSION_CHANNEL, on_message, on_state, k);
}

static void keeper_tick(struct store_task *task)
{
    struct sessions_keeper *k = CONTAINER_OF(task, struct sessions_keeper, task);
    if (!k->redis || !store_is_shared(task->store))
        return;
    if (++k->periods >= BEAT_PERIODS) {
        k->periods = 0;
        send_beat(k);
        read_mark(k);
    }
    k->buckets_left = shm_table_buckets(table_of(k)) / PASS_PERIODS + SLICE_BUCKETS;
    if (k->restores || k->restores_next)
        k->buckets_left *= PASS_PERIODS / 10; /* citizens wait for it */
    look_at_more(k);
}

static void keeper_free(struct store_task *task)
{
    struct sessions_keeper *k = CONTAINER_OF(task, struct sessions_keeper, task);
    let_go(k);
    mem_free(k);
}

const struct store_task_type sessions_keeper = {
    .new = keeper_new,
    .apply = keeper_apply,
    .tick = keeper_tick,
    .free = keeper_free,
    .period_ms = PERIOD_MS,
};
