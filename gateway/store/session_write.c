/* Changes of sessions in Redis: each a few commands, one after the other. What every step leaves
 * behind when the next one fails is safe: a session that nobody has the id of, or one that has
 * ended although the order says that it could not be carried out. */
#include "common/buf.h"
#include "common/clock.h"
#include "store/redis_reply.h"
#include "store/session_engine.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

/* One tick's share of the node's sessions, for who ends all of a user: some milliseconds. */
#define SCAN_BUCKETS 8192
#define SCAN_MS 1
/* Where some of the node's memory cannot be had, because a process is stopped that holds it: how
 * long the client waits, and between two attempts then and later. */
#define PATIENCE_MS 2000
#define AGAIN_MS 50
#define LATER_MS 1000

static uint64_t owed_until_ms(const struct session_op *op)
{
    return clock_wall_ms() + op->store->config->sessions.absolute_ms;
}

/* What was to end ends here at once; the keeper tells Redis when it is back. */
static enum store_result give_up(struct session_op *op)
{
    if (op->uid) {
        op->is_owed = true;
        session_write_scan(op);
        return STORE_PENDING;
    }
    return op->is_drop ? session_write_end(op) : session_settle(op, SESSION_UNAVAILABLE);
}

static void on_outcome(struct redis_call *c, enum redis_outcome outcome,
                       const struct redisReply *reply)
{
    struct session_op *op = CONTAINER_OF(c, struct session_op, op.call);
    if (outcome == REDIS_ANSWERED && reply->type != REDIS_REPLY_ERROR)
        op->step(op, reply);
    else if (give_up(op) == STORE_DONE)
        session_finish(op, op->status);
}

/* The first command of an operation is sent from the call that begins it. */
static enum store_result try_send(struct session_op *op, struct slice key, const struct slice *args,
                                  size_t count,
                                  void (*step)(struct session_op *op,
                                               const struct redisReply *reply))
{
    struct store *s = op->store;
    op->step = step;
    op->op.call.on_outcome = on_outcome;
    op->op.call.repeatable = true;
    if (!s->redis ||
        redis_client_command(s->redis, &op->op.call, key, args, count, session_timeout_ms(s)))
        return give_up(op);
    return STORE_PENDING;
}

static void command(struct session_op *op, struct slice key, const struct slice *args, size_t count,
                    void (*step)(struct session_op *op, const struct redisReply *reply))
{
    if (try_send(op, key, args, count, step) == STORE_DONE)
        session_finish(op, op->status);
}

/* A script about the session under op->hash. */
static enum store_result try_script(struct session_op *op, struct redis_script *script,
                                    const struct slice *args, size_t count,
                                    void (*step)(struct session_op *op,
                                                 const struct redisReply *reply))
{
    struct store *s = op->store;
    char name[SESSION_KEY_MAX];
    const struct slice key = session_record_name(op->hash, name);
    op->step = step;
    op->op.call.on_outcome = on_outcome;
    op->op.call.repeatable = true;
    if (!s->redis || redis_client_script(s->redis, &op->op.call, script, &key, 1, args, count,
                                         session_timeout_ms(s)))
        return give_up(op);
    return STORE_PENDING;
}

/* SET with a lifetime in milliseconds. */
struct set {
    char ttl[20];
    struct slice args[5];
};

static void set_fill(struct set *set, struct slice name, struct slice value, uint64_t ttl_ms)
{
    set->args[0] = SLICE("SET");
    set->args[1] = name;
    set->args[2] = value;
    set->args[3] = SLICE("PX");
    set->args[4] = slice_of(set->ttl, format_u64(set->ttl, MAX(1, ttl_ms)));
}

static struct slice user_name(const char *uid, char out[SESSION_KEY_MAX])
{
    uint8_t hash[SESSION_HASH_BYTES];
    session_record_user_hash(uid, hash);
    return session_record_user_name(hash, out);
}

static uint64_t rest_ms(const struct session_op *op)
{
    uint64_t now_ms = clock_wall_ms();
    return op->session.absolute_ms > now_ms ? op->session.absolute_ms - now_ms : 0;
}

static uint32_t idle_ms(const struct session_op *op)
{
    return op->store->config->sessions.idle_ms;
}

/* ---- telling the other nodes ---- */

static void publish(struct session_op *op, struct slice message,
                    void (*step)(struct session_op *op, const struct redisReply *reply))
{
    const struct slice args[] = { SLICE("PUBLISH"), SLICE(SESSION_CHANNEL), message };
    command(op, (struct slice){ 0 }, args, ARRAY_LEN(args), step);
}

static void publish_hash(struct session_op *op,
                         void (*step)(struct session_op *op, const struct redisReply *reply))
{
    char hex[SESSION_HEX_LEN];
    session_record_hex(op->hash, hex);
    publish(op, slice_of(hex, sizeof(hex)), step);
}

/* ---- create ---- */

static void on_created(struct session_op *op, const struct redisReply *reply)
{
    (void)reply;
    /* A copy that cannot be kept is fetched by the next request. */
    bool kept = session_cache_put(session_table(op->store), op->hash, clock_wall_ms(), idle_ms(op),
                                  &op->session);
    (void)kept;
    session_finish(op, SESSION_FOUND);
}

static void on_stamp(struct session_op *op, const struct redisReply *reply)
{
    char name[SESSION_KEY_MAX], text[SESSION_TEXT_MAX];
    struct set set;
    if (reply->type == REDIS_REPLY_STRING &&
        !slice_to_u64(slice_of(reply->str, reply->len), &op->session.user_stamp)) {
        session_finish(op, SESSION_UNAVAILABLE);
        return;
    }
    set_fill(&set, session_record_name(op->hash, name), session_record_write(&op->session, text),
             MIN(rest_ms(op), idle_ms(op)));
    command(op, set.args[1], set.args, ARRAY_LEN(set.args), on_created);
}

enum store_result session_write_create(struct session_op *op)
{
    char name[SESSION_KEY_MAX];
    const struct slice args[] = { SLICE("GET"), user_name(op->session.uid, name) };
    return try_send(op, args[1], args, ARRAY_LEN(args), on_stamp);
}

/* ---- rotate ----
 *
 * The backend took its time, in which the session may have ended, or all of its user's. So the
 * successor, whose id nobody has yet, takes its place only where the session still lives; and what
 * this node keeps of it is a question's answer, which an end that is told meanwhile makes void. */

#define ROTATION_COMMANDS 4

/* Lost (nil) is not ended: that leaves a mark. */
static const char alias_text[] =
    "local v=redis.call('GET',KEYS[1])\n"
    "if v and v~=ARGV[1] and string.sub(v,1,1)~='L' then return string.sub(v,1,1) end\n"
    "redis.call('SET',KEYS[1],ARGV[1],'PX',ARGV[2])\n"
    "return 'OK'\n";

static void on_rotation_told(struct session_op *op, const struct redisReply *reply)
{
    struct shm_table *t = session_table(op->store);
    const struct session_answer answer = { .kind = SESSION_KIND_LIVE,
                                           .asked_ms = op->begun_ms,
                                           .session = op->session };
    (void)reply;
    bool kept =
        session_cache_forget(t, op->hash) &&
        session_cache_fill(t, op->successor, op->fetch, clock_wall_ms(), idle_ms(op), &answer);
    (void)kept; /* whoever comes next asks */
    session_finish(op, SESSION_FOUND);
}

static void on_stamp_seen(struct session_op *op, const struct redisReply *reply)
{
    uint64_t stamp;
    bool same = slice_to_u64(redis_reply_text(reply), &stamp) && stamp == op->session.user_stamp;
    if (same || redis_reply_is_nil(reply))
        publish_hash(op, on_rotation_told);
    else
        session_finish(op, SESSION_NONE);
}

static void on_aliased(struct session_op *op, const struct redisReply *reply)
{
    char name[SESSION_KEY_MAX];
    struct slice word = redis_reply_text(reply);
    if (!slice_eq(word, SLICE("OK"))) {
        session_finish(op, slice_eq(word, SLICE("A")) ? SESSION_MOVED : SESSION_NONE);
        return;
    }
    const struct slice args[] = { SLICE("GET"), user_name(op->session.uid, name) };
    command(op, args[1], args, ARRAY_LEN(args), on_stamp_seen);
}

static void on_successor_stored(struct session_op *op, const struct redisReply *reply)
{
    static struct redis_script script = { .text = alias_text };
    char text[SESSION_TEXT_MAX], ttl[20];
    const struct slice args[] = {
        session_record_write_alias(op->successor, clock_wall_ms() + SESSION_ALIAS_MS, text),
        slice_of(ttl, format_u64(ttl, MAX(1, rest_ms(op)))),
    };
    (void)reply;
    if (try_script(op, &script, args, ARRAY_LEN(args), on_aliased) == STORE_DONE)
        session_finish(op, op->status);
}

enum store_result session_write_rotate(struct session_op *op)
{
    struct store *s = op->store;
    char name[SESSION_KEY_MAX], text[SESSION_TEXT_MAX];
    struct set set;
    op->fetch = random_below(&s->loop->random, UINT32_MAX) + 1;
    enum session_claim claim =
        session_cache_claim(session_table(s), op->successor, op->fetch, op->begun_ms,
                            op->begun_ms + 2ull * ROTATION_COMMANDS * session_timeout_ms(s));
    (void)claim; /* without it the answer is not kept */
    set_fill(&set, session_record_name(op->successor, name),
             session_record_write(&op->session, text), MIN(rest_ms(op), idle_ms(op)));
    return try_send(op, set.args[1], set.args, ARRAY_LEN(set.args), on_successor_stored);
}

/* ---- drop ---- */

static void on_drop_told(struct session_op *op, const struct redisReply *reply)
{
    (void)reply;
    if (!session_cache_forget(session_table(op->store), op->hash))
        session_doubt_all(op->store);
    session_finish(op, SESSION_NONE);
}

static enum store_result end_here(struct session_op *op);

static void on_alias_told(struct session_op *op, const struct redisReply *reply)
{
    bool gone = session_cache_forget(session_table(op->store), op->hash);
    (void)reply;
    (void)gone; /* or when the keeper hears of it */
    memcpy(op->hash, op->successor, sizeof(op->hash));
    if (end_here(op) == STORE_DONE)
        session_finish(op, op->status);
}

static void on_dropped(struct session_op *op, const struct redisReply *reply)
{
    struct slice text = redis_reply_text(reply);
    struct session none;
    bool leads_on = text.data && op->hops < SESSION_HOPS_MAX &&
                    session_record_read(text, 0, &none, op->successor) == SESSION_KIND_ALIAS;
    op->hops++;
    publish_hash(op, leads_on ? on_alias_told : on_drop_told);
}

/* An alias stays: it leads to what has ended then, as do others to it. */
static const char end_text[] = "local v=redis.call('GET',KEYS[1])\n"
                               "if v and string.sub(v,1,1)=='A' then return v end\n"
                               "redis.call('SET',KEYS[1],'X','PX',ARGV[1])\n"
                               "return 'X'\n";

static enum store_result end_here(struct session_op *op)
{
    static struct redis_script script = { .text = end_text };
    char ttl[20];
    const struct slice args[] = { slice_of(
        ttl, format_u64(ttl, MAX(1, op->store->config->sessions.absolute_ms))) };
    return try_script(op, &script, args, ARRAY_LEN(args), on_dropped);
}

enum store_result session_write_drop(struct session_op *op)
{
    op->hops = 0;
    return end_here(op);
}

/* ---- drop, in the node's memory alone ---- */

/* What ends is not over before its record could be had, with the client or without, unless all
 * that was to end has run out meanwhile. */
static void try_again(struct session_op *op)
{
    uint64_t now_ms = clock_wall_ms();
    uint64_t age_ms = now_ms > op->begun_ms ? now_ms - op->begun_ms : 0;
    bool waits = !op->is_left && age_ms < PATIENCE_MS;
    if (op->is_left && age_ms > op->store->config->sessions.absolute_ms) {
        session_finish(op, SESSION_NONE);
    } else if (waits || op->is_left) {
        timer_set(&op->store->loop->timers, &op->timer, waits ? AGAIN_MS : LATER_MS);
    } else {
        session_carry_on(op);
        session_finish(op, SESSION_UNAVAILABLE);
    }
}

/* Embedded, the node's word is the truth; with Redis the keeper tells it. */
static bool end_alone(const struct session_op *op)
{
    const struct store *s = op->store;
    uint64_t now_ms = clock_wall_ms();
    return s->redis ? session_cache_owe(session_table(s), op->hash, now_ms, owed_until_ms(op))
                    : session_cache_end(session_table(s), op->hash, now_ms);
}

static void on_end_timer(struct timer *t)
{
    struct session_op *op = CONTAINER_OF(t, struct session_op, timer);
    if (end_alone(op))
        session_finish(op, SESSION_NONE);
    else
        try_again(op);
}

enum store_result session_write_end(struct session_op *op)
{
    if (end_alone(op))
        return session_settle(op, SESSION_NONE);
    timer_init(&op->timer, on_end_timer);
    timer_set(&op->store->loop->timers, &op->timer, AGAIN_MS);
    return STORE_PENDING;
}

/* ---- drop all of a user ---- */

static uint64_t new_stamp(void)
{
    uint64_t stamp;
    random_bytes(&stamp, sizeof(stamp));
    return stamp | 1; /* 0 is for who never had one */
}

/* When this node alone knows them, all have to be seen; copies of what Redis keeps need only be
 * asked about. */
static bool is_sure(const struct session_op *op, uint64_t now_ms, uint64_t until_ms)
{
    struct store *s = op->store;
    if (op->is_owed)
        return !op->has_missed && session_cache_owe_user(s->tables[STORE_USERS], op->uid,
                                                         new_stamp(), now_ms, until_ms);
    if (op->has_missed && s->redis)
        session_doubt_all(s);
    return !op->has_missed || s->redis;
}

static void on_scan(struct timer *t)
{
    struct session_op *op = CONTAINER_OF(t, struct session_op, timer);
    struct store *s = op->store;
    uint64_t now_ms = clock_wall_ms(), until_ms = op->is_owed ? owed_until_ms(op) : 0;
    if (!session_cache_forget_user(session_table(s), op->uid, now_ms, until_ms, &op->cursor,
                                   SCAN_BUCKETS))
        op->has_missed = true;
    if (op->cursor) {
        timer_set(&s->loop->timers, t, SCAN_MS);
        return;
    }
    bool sure = is_sure(op, now_ms, until_ms);
    op->has_missed = false;
    if (sure)
        session_finish(op, SESSION_NONE);
    else
        try_again(op);
}

void session_write_scan(struct session_op *op)
{
    timer_init(&op->timer, on_scan);
    op->cursor = 0;
    timer_set(&op->store->loop->timers, &op->timer, SCAN_MS);
}

static void on_user_told(struct session_op *op, const struct redisReply *reply)
{
    (void)reply;
    session_write_scan(op);
}

static void on_stamped(struct session_op *op, const struct redisReply *reply)
{
    char text[SESSION_UID_MAX + 3];
    int len = snprintf(text, sizeof(text), "u:%s", op->uid);
    (void)reply;
    publish(op, slice_of(text, MIN((size_t)len, sizeof(text) - 1)), on_user_told);
}

enum store_result session_write_drop_user(struct session_op *op)
{
    char name[SESSION_KEY_MAX], stamp[20];
    struct set set;
    set_fill(&set, user_name(op->uid, name), slice_of(stamp, format_u64(stamp, new_stamp())),
             op->store->config->sessions.absolute_ms);
    return try_send(op, set.args[1], set.args, ARRAY_LEN(set.args), on_stamped);
}
