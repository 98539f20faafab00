/* Submissions in Redis, so that all nodes that share it see them. Redis decides, or nothing is
 * sent: the node's memory takes no part.
 *
 * The dispatch is recorded on a connection of its own, where replicas can be waited for (WAIT
 * stalls what is pipelined behind it). How it ended has to get there even when Redis is away: it is
 * kept in memory and tried again for SETTLE_MS. When that is in vain, or this process dies, the
 * dispatch stays in doubt. */
#include "common/buf.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/dispatches.h"
#include "store/redis_reply.h"
#include "store/submission_name.h"
#include "store/submission_scripts.h"
#include "store/submissions_engine.h"

#include <stdio.h>

#define WAIT_MS 50
#define SETTLE_MS (10u * 60 * 1000)
#define SETTLE_AGAIN_MS 500
#define SETTLE_BYTES_MAX (64ul * 1024 * 1024) /* waiting in one worker */
#define ARGS_MAX 8

/* ---- arguments ---- */

/* Arguments of a script; numbers are written into `digits`. */
struct args {
    struct slice items[ARGS_MAX];
    size_t count;
    char digits[ARGS_MAX][20];
};

static void add_text(struct args *a, struct slice text)
{
    a->items[a->count++] = text;
}

static void add_number(struct args *a, uint64_t number)
{
    char *digits = a->digits[a->count];
    add_text(a, slice_of(digits, format_u64(digits, number)));
}

static void add_owner(struct args *a, const struct submission_op *op)
{
    add_number(a, op->owner);
    add_number(a, op->fence);
}

static int run(struct redis_client *client, struct redis_call *call, struct redis_script *script,
               const uint8_t key[DIGEST_BYTES], const struct args *a, uint32_t timeout_ms)
{
    struct submission_name name = submission_name_of(key);
    struct slice keys[] = { slice_of(name.text, name.len) };
    call->repeatable = true;
    return redis_client_script(client, call, script, keys, 1, a->items, a->count, timeout_ms);
}

static uint32_t timeout_ms(const struct store *s)
{
    return s->config->store.redis->command_timeout_ms;
}

/* ---- replies ---- */

static struct slice word_of(const struct redisReply *reply)
{
    return redis_reply_text(redis_reply_at(reply, 0));
}

static uint64_t number_at(const struct redisReply *reply, size_t index)
{
    int64_t value;
    return redis_reply_integer(redis_reply_at(reply, index), &value) && value > 0 ? (uint64_t)value
                                                                                  : 0;
}

static enum submission_verdict verdict_of(enum redis_outcome outcome,
                                          const struct redisReply *reply)
{
    static const struct {
        struct slice word;
        enum submission_verdict verdict;
    } words[] = {
        { { "NEW", 3 }, SUBMISSION_NEW },           { { "BUSY", 4 }, SUBMISSION_BUSY },
        { { "COMPLETE", 8 }, SUBMISSION_COMPLETE }, { { "MISMATCH", 8 }, SUBMISSION_MISMATCH },
        { { "UNKNOWN", 7 }, SUBMISSION_UNKNOWN },   { { "NONE", 4 }, SUBMISSION_NONE },
        { { "DONE", 4 }, SUBMISSION_DONE },         { { "LOST", 4 }, SUBMISSION_LOST },
    };
    for (size_t i = 0; outcome == REDIS_ANSWERED && i < ARRAY_LEN(words); i++)
        if (slice_eq(word_of(reply), words[i].word))
            return words[i].verdict;
    return SUBMISSION_UNAVAILABLE;
}

static struct submission_op *op_of(struct redis_call *call)
{
    return CONTAINER_OF(call, struct submission_op, op.call);
}

static void cancel(struct store_op *op)
{
    redis_call_cancel(&op->call);
}

static enum store_result ask(struct redis_client *client, struct submission_op *op,
                             struct redis_script *script, const struct args *a,
                             redis_call_fn on_outcome)
{
    op->op.call.on_outcome = on_outcome;
    if (!client || run(client, &op->op.call, script, op->key, a, timeout_ms(op->store)) < 0)
        return submission_op_done(op, SUBMISSION_UNAVAILABLE);
    op->op.cancel = cancel;
    return STORE_PENDING;
}

/* ---- begin ---- */

static void take_answer(struct submission_op *op, const struct redisReply *reply)
{
    struct slice head = redis_reply_text(redis_reply_at(reply, 4));
    struct slice body = redis_reply_text(redis_reply_at(reply, 5));
    op->since_ms = number_at(reply, 1);
    op->status = (uint16_t)MIN(number_at(reply, 2), UINT16_MAX);
    op->whole = number_at(reply, 3) == 1 && head.data && body.data &&
                head.len <= SUBMISSION_HEAD_MAX && body.len <= SUBMISSION_BODY_MAX;
    op->head = op->whole ? arena_copy(op->arena, head) : (struct slice){ 0 };
    op->body = op->whole ? arena_copy(op->arena, body) : (struct slice){ 0 };
    op->whole = op->whole && op->head.data && op->body.data;
}

static void on_begun(struct redis_call *call, enum redis_outcome outcome,
                     const struct redisReply *reply)
{
    struct submission_op *op = op_of(call);
    enum submission_verdict verdict = verdict_of(outcome, reply);
    if (verdict == SUBMISSION_NEW) {
        op->fence = (uint32_t)number_at(reply, 1);
        op->doubtful = number_at(reply, 2) == 1;
        op->since_ms = number_at(reply, 3);
        verdict = dispatches_judge(op->store, op);
    } else if (verdict == SUBMISSION_BUSY) {
        op->retry_ms = (uint32_t)MIN(number_at(reply, 1), UINT32_MAX);
    } else if (verdict == SUBMISSION_UNKNOWN) {
        op->since_ms = number_at(reply, 1);
    } else if (verdict == SUBMISSION_COMPLETE) {
        take_answer(op, reply);
    }
    submission_op_finish(op, verdict);
}

enum store_result submissions_redis_begin(struct store *s, struct submission_op *op)
{
    static struct redis_script script = { .text = SUBMISSION_LUA_BEGIN };
    struct args a = { .count = 0 };
    op->owner = random_next(&s->loop->random) >> 1;
    op->doubtful = false;
    op->since_ms = 0;
    add_text(&a, slice_of((const char *)op->fingerprint, DIGEST_BYTES));
    add_number(&a, op->owner);
    add_number(&a, op->lease_ms);
    add_number(&a, op->take_over);
    return ask(s->redis, op, &script, &a, on_begun);
}

/* ---- sent ---- */

/* Redis has it; so has this node, before anything leaves. */
static void finish_sent(struct submission_op *op)
{
    bool noted = dispatches_note_sent(op->store, op);
    submission_op_finish(op, noted ? SUBMISSION_DONE : SUBMISSION_UNAVAILABLE);
}

static void on_replicated(struct redis_call *call, enum redis_outcome outcome,
                          const struct redisReply *reply)
{
    int64_t replicas = 0;
    bool known = outcome == REDIS_ANSWERED && redis_reply_integer(reply, &replicas);
    op_of(call)->unconfirmed = !known || replicas == 0;
    finish_sent(op_of(call));
}

static void on_sent(struct redis_call *call, enum redis_outcome outcome,
                    const struct redisReply *reply)
{
    struct submission_op *op = op_of(call);
    enum submission_verdict verdict = verdict_of(outcome, reply);
    if (verdict != SUBMISSION_DONE) {
        submission_op_finish(op, verdict);
        return;
    }
    if (number_at(reply, 1) == 0) {
        finish_sent(op); /* there is nobody to wait for */
        return;
    }
    struct submission_name name = submission_name_of(op->key);
    const struct slice args[] = { SLICE("WAIT"), SLICE("1"), SLICE("50") };
    struct redis_client *client = op->store->redis_waiting;
    call->on_outcome = on_replicated;
    call->repeatable = false; /* another connection has written nothing that it could wait for */
    op->unconfirmed = true;
    if (!client || redis_client_command(client, call, slice_of(name.text, name.len), args,
                                        ARRAY_LEN(args), WAIT_MS + timeout_ms(op->store)) < 0)
        finish_sent(op);
}

enum store_result submissions_redis_sent(struct store *s, struct submission_op *op)
{
    static struct redis_script script = { .text = SUBMISSION_LUA_SENT };
    struct args a = { .count = 0 };
    add_owner(&a, op);
    add_number(&a, op->lease_ms);
    add_number(&a, op->ttl_ms);
    return ask(s->redis_waiting, op, &script, &a, on_sent);
}

/* ---- how it ended: has to get there ---- */

/* One ending on its way; on the heap, for the exchange does not wait for it. */
struct settling {
    struct list node; /* in store.settling */
    struct redis_call call;
    struct timer timer;
    struct store *store; /* borrowed: it frees us */
    struct redis_script *script;
    uint8_t key[DIGEST_BYTES];
    uint64_t until_ms; /* monotonic */
    size_t bytes;
    struct args args;
    char data[]; /* what the arguments point to, but for numbers */
};

static void settling_free(struct settling *x)
{
    redis_call_cancel(&x->call);
    timer_cancel(&x->timer);
    list_remove(&x->node);
    x->store->settling_bytes -= x->bytes;
    mem_free(x);
}

static void settle(struct settling *x);

static void settle_later(struct settling *x)
{
    if (loop_now_ms(x->store->loop) >= x->until_ms) {
        log_write(LOG_ERROR, "how a submission ended could not be told to Redis; it is in doubt");
        settling_free(x);
        return;
    }
    timer_set(&x->store->loop->timers, &x->timer, SETTLE_AGAIN_MS);
}

static void on_settle_timer(struct timer *timer)
{
    settle(CONTAINER_OF(timer, struct settling, timer));
}

static void on_settled(struct redis_call *call, enum redis_outcome outcome,
                       const struct redisReply *reply)
{
    struct settling *x = CONTAINER_OF(call, struct settling, call);
    if (verdict_of(outcome, reply) == SUBMISSION_UNAVAILABLE)
        settle_later(x);
    else
        settling_free(x);
}

static void settle(struct settling *x)
{
    struct store *s = x->store;
    if (!s->redis || run(s->redis, &x->call, x->script, x->key, &x->args, timeout_ms(s)) < 0)
        settle_later(x);
}

static void settle_begin(struct store *s, const struct submission_op *op,
                         struct redis_script *script, const struct args *a)
{
    size_t bytes = sizeof(struct settling);
    for (size_t i = 0; i < a->count; i++)
        bytes += a->items[i].len;
    struct settling *x = s->settling_bytes + bytes <= SETTLE_BYTES_MAX ? mem_try(bytes) : NULL;
    if (!x) {
        log_write(LOG_ERROR, "no room to keep how a submission ended; it is in doubt");
        return;
    }
    *x = (struct settling){ .call.on_outcome = on_settled,
                            .store = s,
                            .script = script,
                            .until_ms = loop_now_ms(s->loop) + SETTLE_MS,
                            .bytes = bytes,
                            .args.count = a->count };
    memcpy(x->key, op->key, DIGEST_BYTES);
    timer_init(&x->timer, on_settle_timer);
    char *at = x->data;
    for (size_t i = 0; i < a->count; i++) {
        if (a->items[i].len)
            memcpy(at, a->items[i].data, a->items[i].len);
        x->args.items[i] = slice_of(at, a->items[i].len);
        at += a->items[i].len;
    }
    list_push_back(&s->settling, &x->node);
    s->settling_bytes += bytes;
    settle(x);
}

void submissions_redis_fini(struct store *s)
{
    LIST_FOREACH (node, &s->settling)
        settling_free(CONTAINER_OF(node, struct settling, node));
}

static struct redis_script ending_scripts[] = {
    [SUBMISSION_ENDS_ANSWERED] = { .text = SUBMISSION_LUA_COMPLETE },
    [SUBMISSION_ENDS_RELEASED] = { .text = SUBMISSION_LUA_RELEASE },
    [SUBMISSION_ENDS_IN_DOUBT] = { .text = SUBMISSION_LUA_DOUBT },
};

static void fill_ending(struct args *a, const struct submission_op *op)
{
    a->count = 0;
    add_owner(a, op);
    if (op->ending != SUBMISSION_ENDS_RELEASED)
        add_number(a, op->ttl_ms);
    if (op->ending != SUBMISSION_ENDS_ANSWERED)
        return;
    add_number(a, op->status);
    add_number(a, op->whole);
    add_text(a, op->head);
    add_text(a, op->body);
}

static void tell_later(struct submission_op *op)
{
    struct args a;
    fill_ending(&a, op);
    settle_begin(op->store, op, &ending_scripts[op->ending], &a);
}

/* Nobody waits for it any more, but it has to get there: twice does no harm. */
static void cancel_ending(struct store_op *op)
{
    redis_call_cancel(&op->call);
    tell_later(CONTAINER_OF(op, struct submission_op, op));
}

static void on_ended(struct redis_call *call, enum redis_outcome outcome,
                     const struct redisReply *reply)
{
    struct submission_op *op = op_of(call);
    enum submission_verdict verdict = verdict_of(outcome, reply);
    if (verdict == SUBMISSION_UNAVAILABLE)
        tell_later(op);
    submission_op_finish(op, verdict);
}

/* The client waits for Redis no longer than a command may take. */
static enum store_result end(struct store *s, struct submission_op *op, enum submission_ends ending)
{
    struct args a;
    op->ending = ending;
    dispatches_note_end(s, op);
    fill_ending(&a, op);
    enum store_result result = ask(s->redis, op, &ending_scripts[ending], &a, on_ended);
    if (result == STORE_PENDING)
        op->op.cancel = cancel_ending;
    else
        tell_later(op);
    return result;
}

enum store_result submissions_redis_complete(struct store *s, struct submission_op *op)
{
    return end(s, op, SUBMISSION_ENDS_ANSWERED);
}

enum store_result submissions_redis_release(struct store *s, struct submission_op *op)
{
    return end(s, op, SUBMISSION_ENDS_RELEASED);
}

enum store_result submissions_redis_doubt(struct store *s, struct submission_op *op)
{
    return end(s, op, SUBMISSION_ENDS_IN_DOUBT);
}

/* ---- look ---- */

static void on_looked(struct redis_call *call, enum redis_outcome outcome,
                      const struct redisReply *reply)
{
    struct submission_op *op = op_of(call);
    op->since_ms = outcome == REDIS_ANSWERED ? number_at(reply, 1) : 0;
    submission_op_finish(op, verdict_of(outcome, reply));
}

enum store_result submissions_redis_look(struct store *s, struct submission_op *op)
{
    static struct redis_script script = { .text = SUBMISSION_LUA_LOOK };
    struct args a = { .count = 0 };
    return ask(s->redis, op, &script, &a, on_looked);
}
