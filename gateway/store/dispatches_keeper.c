/* Whether Redis still knows what this node has sent (dispatches.h). The keeper asks it about all,
 * round after round: slowly, some each second, until there is a sign of loss.
 *
 *                    a server comes up, a worker doubts, or something is missing
 *      slow rounds --------------------------------------------------------------> hurried rounds
 *                 <-- a round finds nothing left to ask, to put back or to list --
 *
 * What Redis lacks is marked in the table first, then put back, then listed (affected_list.h), then
 * unmarked: a keeper that dies leaves to the next one what it has not done. What was put back and
 * can be asked of its backend is healed by that, and not listed. */
#include "store/affected_batch.h"
#include "store/dispatch_script.h"
#include "store/redis_reply.h"
#include "store/store_task.h"
#include "store/submission_name.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#include <stdio.h>

#define PERIOD_MS 100
#define DEADLINE_MS 500
#define SLOW_PERIODS 10     /* between two slices of a slow round */
#define PATIENCE_PERIODS 10 /* before what has failed is tried again */
#define ASKERS 64
#define SLICE_BUCKETS (ASKERS / SHM_TABLE_WAYS) /* looked at before the questions are sent */
#define ARGUMENTS 10

struct dispatches_keeper;

struct asker {
    struct redis_call call;
    struct dispatches_keeper *keeper; /* borrowed */
    uint32_t pass;
    uint64_t expires_ms;
    struct dispatch_record record; /* a copy */
};

struct dispatches_keeper {
    struct store_task task;
    const struct redis_client *redis;      /* borrowed: whom we talk to */
    uint32_t turns, doubted;               /* as they were when it began to hurry */
    uint32_t cursor, rests;                /* of the round; periods before it goes on */
    uint32_t found;                        /* by this round: something to ask or to list */
    uint32_t put_back, sent_again, listed; /* since it began to hurry */
    bool hurries, is_sending;
    bool misses;                   /* something: found in a slow round */
    bool at_end;                   /* of the round: all have been looked at */
    bool has_failed;               /* a question of this round */
    bool list_has_failed;          /* has been said */
    uint32_t busy;                 /* askers */
    struct affected_batch *fills;  /* owned; NULL: nothing yet */
    struct affected_batch *writes; /* owned; NULL: nothing */
    struct redis_script script;
    struct asker askers[ASKERS];
};

static struct store *store_of(const struct dispatches_keeper *k)
{
    return k->task.store;
}

static struct store_node *node_of(const struct dispatches_keeper *k)
{
    return store_region_node(store_of(k)->region);
}

static struct shm_table *table_of(const struct dispatches_keeper *k)
{
    return store_of(k)->tables[STORE_DISPATCHES];
}

static uint32_t pass_of(const struct dispatches_keeper *k)
{
    return atomic_load_explicit(&node_of(k)->dispatches_pass, memory_order_relaxed);
}

static void next_pass(struct dispatches_keeper *k)
{
    atomic_fetch_add_explicit(&node_of(k)->dispatches_pass, 1, memory_order_relaxed);
}

static uint32_t doubted_of(const struct dispatches_keeper *k)
{
    return atomic_load_explicit(&node_of(k)->dispatches_doubted, memory_order_relaxed);
}

static void count(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

/* ---- what Redis says ---- */

static void go_on(struct dispatches_keeper *k);

static void free_asker(struct asker *a)
{
    struct dispatches_keeper *k = a->keeper;
    k->busy--;
    if (k->busy == 0 && !k->is_sending)
        go_on(k);
}

static void set_loss(struct asker *a, struct dispatch_record *r, enum dispatch_loss loss)
{
    struct dispatches_keeper *k = a->keeper;
    k->misses = true;
    if (loss == DISPATCH_LOST && r->loss == DISPATCH_KNOWN)
        r->lost_ms = clock_wall_ms();
    if (loss == DISPATCH_PUT_BACK) {
        k->put_back++;
        count(&node_of(k)->put_back, 1);
    } else if (loss == DISPATCH_SENT_AGAIN) {
        r->lost_ms = r->lost_ms ? r->lost_ms : clock_wall_ms();
        k->sent_again++;
        count(&node_of(k)->sent_again, 1);
    }
    bool healed = loss == DISPATCH_PUT_BACK && r->can_be_asked;
    r->loss = (uint8_t)(healed ? DISPATCH_KNOWN : loss);
}

/* False: it has changed meanwhile, or cannot be had now. */
static bool mark(struct asker *a, enum dispatch_loss loss)
{
    struct dispatches_keeper *k = a->keeper;
    const struct dispatch_record *copy = &a->record;
    struct dispatch_record *r = dispatches_lock(store_of(k), copy->key, copy->owner, copy->fence);
    if (!r)
        return false;
    if (loss != DISPATCH_LOST)
        r->asked = a->pass;
    if (loss != DISPATCH_KNOWN)
        set_loss(a, r, loss);
    dispatches_unlock(store_of(k), copy->key);
    return true;
}

/* Another attempt, with a higher fence, is known there: this one matters no more. */
static void forget(struct asker *a)
{
    struct dispatches_keeper *k = a->keeper;
    const struct dispatch_record *copy = &a->record;
    struct dispatch_record *r = dispatches_lock(store_of(k), copy->key, copy->owner, copy->fence);
    if (!r)
        return;
    shm_table_remove(table_of(k), r);
    dispatches_unlock(store_of(k), copy->key);
}

static void ask(struct asker *a, bool puts_back);

static void take_word(struct asker *a, struct slice word)
{
    bool was_lost = a->record.loss == DISPATCH_LOST;
    if (slice_eq(word, SLICE("SAME")))
        mark(a, was_lost ? DISPATCH_PUT_BACK : DISPATCH_KNOWN); /* by a keeper that died */
    else if (slice_eq(word, SLICE("PUT")))
        mark(a, DISPATCH_PUT_BACK);
    else if (slice_eq(word, SLICE("AGAIN")))
        mark(a, DISPATCH_SENT_AGAIN);
    else if (slice_eq(word, SLICE("NEWER")))
        forget(a);
    else
        a->keeper->has_failed = true;
}

static void on_told(struct redis_call *call, enum redis_outcome outcome,
                    const struct redisReply *reply)
{
    struct asker *a = CONTAINER_OF(call, struct asker, call);
    struct slice word = redis_reply_text(redis_reply_at(reply, 0));
    if (outcome != REDIS_ANSWERED) {
        a->keeper->has_failed = true;
    } else if (!slice_eq(word, SLICE("LOST"))) {
        take_word(a, word);
    } else if (mark(a, DISPATCH_LOST)) {
        a->record.loss = DISPATCH_LOST;
        ask(a, true);
        return;
    }
    free_asker(a);
}

/* ---- asking ---- */

struct arguments {
    struct slice items[ARGUMENTS];
    size_t count;
    char digits[ARGUMENTS][20];
};

static void add_number(struct arguments *a, uint64_t number)
{
    char *digits = a->digits[a->count];
    a->items[a->count++] = slice_of(digits, format_u64(digits, number));
}

static void add_text(struct arguments *a, struct slice text)
{
    a->items[a->count++] = text;
}

static uint64_t left_of(uint64_t until_ms, uint64_t now_ms)
{
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

static struct slice letter_of(const struct dispatch_record *r)
{
    switch (r->state) {
    case SUBMISSION_ANSWERED:
        return SLICE("C");
    case SUBMISSION_IN_DOUBT:
        return SLICE("U");
    default:
        return SLICE("D");
    }
}

static void fill_arguments(struct arguments *a, const struct asker *asker, bool puts_back)
{
    const struct dispatch_record *r = &asker->record;
    uint64_t now_ms = clock_wall_ms();
    a->count = 0;
    add_number(a, r->owner);
    add_number(a, r->fence);
    add_number(a, puts_back);
    add_text(a, letter_of(r));
    add_text(a, slice_of((const char *)r->fingerprint, DIGEST_BYTES));
    add_number(a, left_of(r->lease_ms, now_ms));
    add_number(a, r->sent_ms);
    add_number(a, r->doubtful != 0);
    add_number(a, r->status);
    add_number(a, MAX(left_of(asker->expires_ms, now_ms), 1));
}

static void ask(struct asker *a, bool puts_back)
{
    struct dispatches_keeper *k = a->keeper;
    struct submission_name name = submission_name_of(a->record.key);
    struct slice key = slice_of(name.text, name.len);
    struct arguments args;
    fill_arguments(&args, a, puts_back);
    a->call.on_outcome = on_told;
    a->call.repeatable = true;
    if (redis_client_script(store_of(k)->redis, &a->call, &k->script, &key, 1, args.items,
                            args.count, DEADLINE_MS) == 0)
        return;
    k->has_failed = true;
    free_asker(a);
}

/* ---- the list ---- */

static void unmark(struct dispatches_keeper *k, const struct dispatch_record *listed)
{
    struct dispatch_record *r =
        dispatches_lock(store_of(k), listed->key, listed->owner, listed->fence);
    if (!r)
        return;
    if (r->loss == DISPATCH_SENT_AGAIN)
        shm_table_remove(table_of(k), r);
    else if (r->loss == listed->loss)
        r->loss = DISPATCH_KNOWN;
    dispatches_unlock(store_of(k), listed->key);
}

static void on_failure(struct dispatches_keeper *k, const struct affected_batch *b, int status)
{
    if (!k->list_has_failed)
        log_write(LOG_ERROR, "submissions that may be affected cannot be listed in %s: %s", b->dir,
                  uv_strerror(status));
    k->list_has_failed = true;
    k->rests = PATIENCE_PERIODS;
}

static void on_success(struct dispatches_keeper *k, const struct affected_batch *b)
{
    k->list_has_failed = false;
    for (size_t i = 0; i < b->count; i++)
        unmark(k, &b->records[i]);
    k->listed += (uint32_t)(b->count - b->unlisted);
    count(&node_of(k)->unlisted, b->unlisted);
    if (b->unlisted)
        log_write(LOG_ERROR,
                  "the list of submissions that may be affected, in %s, is full; %zu are not in it",
                  b->dir, b->unlisted);
}

static void on_written(void *user, struct affected_batch *b, int status)
{
    struct dispatches_keeper *k = user;
    if (status < 0)
        on_failure(k, b, status);
    else
        on_success(k, b);
    affected_batch_free(&k->writes);
}

static void write_list(struct dispatches_keeper *k)
{
    if (!k->fills || k->fills->count == 0)
        return;
    k->writes = k->fills;
    k->fills = NULL;
    affected_batch_write(k->writes, store_of(k)->loop, store_of(k)->config->store.journal_dir,
                         shm_table_evictions(table_of(k)), on_written, k);
}

/* ---- which of them ---- */

/* There is an asker for each record of a slice. What is to be listed and finds no room is found
 * again. */
static void consider(void *user, void *record)
{
    struct dispatches_keeper *k = user;
    const struct dispatch_record *r = record;
    bool is_marked = r->loss == DISPATCH_PUT_BACK || r->loss == DISPATCH_SENT_AGAIN;
    if (!is_marked && r->loss != DISPATCH_LOST && r->asked == pass_of(k))
        return;
    k->found++;
    if (is_marked) {
        if (k->fills && !k->writes)
            affected_batch_add(k->fills, r);
        return;
    }
    assert(k->busy < ASKERS);
    struct asker *a = &k->askers[k->busy++];
    a->record = *r;
    a->pass = pass_of(k);
    a->expires_ms = shm_table_expiry(record);
}

static void send_all(struct dispatches_keeper *k)
{
    uint32_t sent = k->busy; /* each may fail at once, and be counted out again */
    k->is_sending = true;
    for (uint32_t i = 0; i < sent; i++)
        ask(&k->askers[i], k->askers[i].record.loss == DISPATCH_LOST);
    k->is_sending = false;
}

/* ---- rounds ---- */

static void tell_operators(const struct dispatches_keeper *k)
{
    if (k->put_back + k->sent_again == 0)
        return;
    log_write(LOG_WARN,
              "store: Redis has lost what it knew of %u submissions: %u are put back, %u were sent "
              "again before that and may be filed twice; listed for people: %u (cong affected)",
              k->put_back + k->sent_again, k->put_back, k->sent_again, k->listed);
}

static void begin_round(struct dispatches_keeper *k)
{
    k->found = 0;
    k->has_failed = k->at_end = false;
    if (k->hurries && !k->fills)
        k->fills = affected_batch_new();
    if (!k->hurries)
        next_pass(k);
}

static void end_round(struct dispatches_keeper *k)
{
    if (!k->hurries)
        return;
    write_list(k);
    k->rests = k->has_failed ? PATIENCE_PERIODS : 0;
    if (k->found || k->has_failed || k->writes)
        return;
    tell_operators(k);
    affected_batch_free(&k->fills);
    k->hurries = false;
    k->put_back = k->sent_again = k->listed = 0;
}

/* Until there is somebody to be answered, or the round is over. */
static void look_at_more(struct dispatches_keeper *k)
{
    while (k->busy == 0 && !k->at_end && store_is_shared(store_of(k))) {
        shm_table_visit(table_of(k), &k->cursor, SLICE_BUCKETS, clock_wall_ms(), consider, k);
        k->at_end = k->cursor == 0;
        send_all(k);
    }
    if (k->at_end && k->busy == 0)
        end_round(k);
}

/* All have been answered. */
static void go_on(struct dispatches_keeper *k)
{
    if (k->hurries)
        look_at_more(k);
    else if (k->at_end)
        end_round(k);
}

static bool has_sign(const struct dispatches_keeper *k)
{
    return k->misses || k->turns != redis_client_turns(store_of(k)->redis) ||
           k->doubted != doubted_of(k);
}

/* Also in the middle of a hurry: what has been asked is asked again. */
static void hurry(struct dispatches_keeper *k)
{
    k->turns = redis_client_turns(store_of(k)->redis);
    k->doubted = doubted_of(k);
    k->misses = false;
    k->hurries = true;
    k->at_end = true;
    k->cursor = k->rests = 0;
    next_pass(k);
}

/* ---- the task ---- */

static struct store_task *keeper_new(void)
{
    struct dispatches_keeper *k = mem_new(sizeof(*k));
    k->script.text = DISPATCH_LUA_REMIND;
    k->at_end = true;
    for (size_t i = 0; i < ASKERS; i++)
        k->askers[i].keeper = k;
    return &k->task;
}

static void let_go(struct dispatches_keeper *k)
{
    for (size_t i = 0; i < ASKERS; i++)
        redis_call_cancel(&k->askers[i].call);
    k->busy = k->cursor = 0;
    k->at_end = true;
}

static void keeper_apply(struct store_task *task)
{
    struct dispatches_keeper *k = CONTAINER_OF(task, struct dispatches_keeper, task);
    if (k->redis == task->store->redis)
        return;
    let_go(k);
    k->redis = task->store->redis;
    k->misses = true; /* who knows what this one has */
}

static void keeper_tick(struct store_task *task)
{
    struct dispatches_keeper *k = CONTAINER_OF(task, struct dispatches_keeper, task);
    if (!k->redis || !store_is_shared(task->store))
        return;
    if (has_sign(k))
        hurry(k);
    if (k->busy || k->writes)
        return;
    if (k->rests) {
        k->rests--;
        return;
    }
    if (!k->hurries)
        k->rests = SLOW_PERIODS - 1;
    if (k->at_end)
        begin_round(k);
    look_at_more(k);
}

static void keeper_free(struct store_task *task)
{
    struct dispatches_keeper *k = CONTAINER_OF(task, struct dispatches_keeper, task);
    let_go(k);
    affected_batch_free(&k->writes);
    affected_batch_free(&k->fills);
    mem_free(k);
}

const struct store_task_type dispatches_keeper = {
    .new = keeper_new,
    .apply = keeper_apply,
    .tick = keeper_tick,
    .free = keeper_free,
    .period_ms = PERIOD_MS,
};
