/* The rotation of the TLS session ticket keys (tls/tls_tickets.h).
 *
 * Alone, a node rotates by itself, by the wall clock. Nodes that share a Redis agree on one set of
 * keys, so that a session of one resumes on the others, across rotations too: `cong:{tk}:...` holds
 * the generation, the sealed keys and when they were written. Each node looks every few seconds and
 * takes over what it finds. When a rotation is due, by Redis's clock, each proposes one, and a
 * script that compares the generation lets the first win; the others take over the winner's. So it
 * is when the keys were lost: what a node has is of a later generation, and is proposed.
 *
 * Keys in Redis are sealed under store.secret, whose hash is part of the name: nodes with another
 * secret have other keys. While Redis is away a node rotates alone: its next key is the one that
 * all know, so one rotation is the same on every node. Keys from a file are never rotated here. */
#include "common/buf.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/redis_reply.h"
#include "store/store_task.h"
#include "tls/tls_tickets.h"

#include <stdatomic.h>
#include <stdio.h>

#define PERIOD_MS 500
#define CHECK_MS 5000
#define TIMEOUT_MS 150
#define GENERATION_DIGITS 20
#define NAME_BYTES 32
#define NAME_HASH_BYTES 9

_Static_assert(sizeof(struct tls_ticket_keys) == CONFIG_TICKET_KEYS * CONFIG_TICKET_KEY_BYTES,
               "a file holds the keys as they are");

/* KEYS: the hash. ARGV: the rotation period in ms and, with a proposal, the generation that it
 * follows ("" for none), its own, its keys. Returns generation, keys, whether a rotation is due;
 * nothing when there are no keys. What nobody looks at any more is forgotten. */
static const char script_text[] =
    "local h = redis.call('HMGET', KEYS[1], 'g', 'k', 't')\n"
    "local has = h[1] and h[2]\n"
    "local period = tonumber(ARGV[1])\n"
    "local time = redis.call('TIME')\n"
    "local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)\n"
    "if ARGV[2] and (has and h[1] or '') == ARGV[2] then\n"
    "  redis.call('HSET', KEYS[1], 'g', ARGV[3], 'k', ARGV[4], 't', string.format('%.0f', now))\n"
    "  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', 4 * period))\n"
    "  return {ARGV[3], ARGV[4], 0}\n"
    "end\n"
    "if not has then return {} end\n"
    "local due = math.floor(now / period) > math.floor((tonumber(h[3]) or 0) / period)\n"
    "return {h[1], h[2], due and 1 or 0}\n";

struct tickets_keeper {
    struct store_task task;
    uint64_t due_ms; /* monotonic: when to look into Redis again */
    uint64_t rotation_ms;
    char name[NAME_BYTES]; /* of the key in Redis */
    struct redis_call call;
    struct redis_script script;
    bool has_proposed, has_complained;
};

struct number_text {
    char digits[GENERATION_DIGITS];
    size_t len;
};

static struct slice number(struct number_text *text, uint64_t value)
{
    text->len = format_u64(text->digits, value);
    return slice_of(text->digits, text->len);
}

/* --- this node's keys ------------------------------------------------------------------------- */

static bool have_same_current(const struct tls_ticket_keys *a, const struct tls_ticket_keys *b)
{
    return memcmp(&a->slots[TLS_TICKET_CURRENT], &b->slots[TLS_TICKET_CURRENT],
                  sizeof(a->slots[0])) == 0;
}

/* Returns whether tickets are made under another key from now on. */
static bool use(struct tickets_keeper *t, const struct tls_ticket_keys *keys,
                enum tls_tickets_source source)
{
    struct tls_ticket_keys own;
    bool had_keys = tls_tickets_read(t->task.tickets, &own);
    bool is_same = had_keys && memcmp(&own, keys, sizeof(own)) == 0;
    bool changes = !had_keys || !have_same_current(&own, keys);
    if (!is_same)
        tls_tickets_set(t->task.tickets, keys);
    if (changes)
        t->task.tickets->since_ms = clock_wall_ms();
    t->task.tickets->source = source;
    mem_wipe(&own, sizeof(own));
    return changes;
}

static uint64_t current_period(const struct tickets_keeper *t)
{
    return clock_wall_ms() / t->rotation_ms;
}

/* Periods are cut from wall time, not from our start, and the last one is kept beside the keys: a
 * keeper that dies and comes back puts no rotation off. */
static void rotate_alone(struct tickets_keeper *t)
{
    uint64_t period = current_period(t);
    bool is_due = t->task.tickets->period != 0 && t->task.tickets->period != period;
    t->task.tickets->period = period;
    if (!is_due)
        return;
    tls_tickets_rotate(t->task.tickets);
    t->task.tickets->since_ms = clock_wall_ms();
    t->task.tickets->source = TLS_TICKETS_OWN;
    log_write(LOG_INFO, "TLS session ticket keys rotated");
}

/* --- what nodes agree on ---------------------------------------------------------------------- */

static void sealing_key(const struct tickets_keeper *t, uint8_t key[DIGEST_BYTES])
{
    digest_derive(slice_of((const char *)t->task.store->secret, sizeof(t->task.store->secret)),
                  "tls ticket keys", 0, key);
}

/* Redis cannot be asked, or makes no sense: said once. */
static void complain(struct tickets_keeper *t, struct slice problem)
{
    if (!t->has_complained)
        log_write(LOG_WARN, "TLS session ticket keys are not shared now: %.*s", SLICE_ARG(problem));
    t->has_complained = true;
    rotate_alone(t);
}

static void ask(struct tickets_keeper *t, const struct slice *args, size_t count)
{
    struct slice name = slice_str(t->name);
    if (redis_client_script(t->task.store->redis, &t->call, &t->script, &name, 1, args, count,
                            TIMEOUT_MS))
        complain(t, slice_str(redis_client_problem(t->task.store->redis)));
}

/* To take the place of the keys of generation `after`. */
static void propose(struct tickets_keeper *t, struct slice after, uint64_t generation,
                    const struct tls_ticket_keys *keys)
{
    uint8_t key[DIGEST_BYTES], sealed[TLS_TICKETS_SEALED_BYTES];
    struct number_text period_text, generation_text;
    struct slice written = number(&generation_text, generation);
    sealing_key(t, key);
    tls_ticket_keys_seal(keys, key, written, sealed);
    mem_wipe(key, sizeof(key));
    const struct slice args[] = { number(&period_text, t->rotation_ms), after, written,
                                  slice_of((const char *)sealed, sizeof(sealed)) };
    t->has_proposed = true;
    ask(t, args, ARRAY_LEN(args));
}

static void propose_own(struct tickets_keeper *t, struct slice after)
{
    struct tls_ticket_keys own;
    if (!tls_tickets_read(t->task.tickets, &own))
        return;
    propose(t, after, MAX(t->task.tickets->generation, 1), &own);
    mem_wipe(&own, sizeof(own));
}

static void propose_rotation(struct tickets_keeper *t, uint64_t generation,
                             const struct tls_ticket_keys *keys)
{
    struct number_text text;
    struct tls_ticket_keys rotated = *keys;
    tls_ticket_keys_rotate(&rotated);
    propose(t, number(&text, generation), generation + 1, &rotated);
    mem_wipe(&rotated, sizeof(rotated));
}

static void take_over(struct tickets_keeper *t, uint64_t generation,
                      const struct tls_ticket_keys *keys)
{
    t->task.tickets->generation = generation;
    t->has_complained = false;
    if (use(t, keys, TLS_TICKETS_SHARED))
        log_write(LOG_INFO, "TLS session ticket keys of generation %llu, shared with other nodes",
                  (unsigned long long)generation);
}

static void judge(struct tickets_keeper *t, struct slice written, struct slice sealed, bool is_due)
{
    uint8_t key[DIGEST_BYTES];
    struct tls_ticket_keys keys = { 0 };
    uint64_t generation = 0;
    sealing_key(t, key);
    bool is_ours = slice_to_u64(written, &generation) && generation < UINT64_MAX &&
                   tls_ticket_keys_unseal(&keys, key, written, sealed);
    mem_wipe(key, sizeof(key));
    if (is_ours && generation >= t->task.tickets->generation) {
        take_over(t, generation, &keys);
        if (!is_due)
            t->task.tickets->period = current_period(t);
        else if (!t->has_proposed)
            propose_rotation(t, generation, &keys);
    } else if (!t->has_proposed) {
        /* A fail-over has lost the last ones, or somebody spoilt them. */
        propose_own(t, written);
    }
    mem_wipe(&keys, sizeof(keys));
}

static void on_answer(struct redis_call *call, enum redis_outcome outcome,
                      const struct redisReply *reply)
{
    struct tickets_keeper *t = CONTAINER_OF(call, struct tickets_keeper, call);
    struct slice written = redis_reply_text(redis_reply_at(reply, 0));
    struct slice sealed = redis_reply_text(redis_reply_at(reply, 1));
    int64_t is_due = 0;
    if (outcome != REDIS_ANSWERED)
        complain(t, SLICE("Redis gave no answer"));
    else if (redis_reply_is_error(reply))
        complain(t, redis_reply_text(reply));
    else if (redis_reply_count(reply) == 3 && written.data && sealed.data &&
             redis_reply_integer(redis_reply_at(reply, 2), &is_due))
        judge(t, written, sealed, is_due != 0);
    else if (redis_reply_count(reply) == 0 && !t->has_proposed)
        propose_own(t, SLICE(""));
    else
        complain(t, SLICE("Redis gave an answer of another shape"));
}

static void look(struct tickets_keeper *t)
{
    struct number_text text;
    const struct slice period = number(&text, t->rotation_ms);
    t->has_proposed = false;
    ask(t, &period, 1);
}

/* --- the task --------------------------------------------------------------------------------- */

static struct store_task *keeper_new(void)
{
    struct tickets_keeper *t = mem_new(sizeof(*t));
    t->script.text = script_text;
    t->call.on_outcome = on_answer;
    t->call.repeatable = true; /* a proposal is carried out once: it changes what it compares */
    return &t->task;
}

static void name_key(struct tickets_keeper *t)
{
    uint8_t key[DIGEST_BYTES], hash[DIGEST_BYTES];
    char text[DIGEST_BASE64_LEN(NAME_HASH_BYTES)];
    sealing_key(t, key);
    struct slice part = slice_of((const char *)key, sizeof(key));
    digest_sha256(&part, 1, hash);
    size_t len = digest_base64(hash, NAME_HASH_BYTES, text);
    snprintf(t->name, sizeof(t->name), "cong:{tk}:%.*s", (int)len, text);
    mem_wipe(key, sizeof(key));
}

static void use_file(struct tickets_keeper *t, struct slice data)
{
    struct tls_ticket_keys keys;
    memcpy(&keys, data.data, sizeof(keys));
    if (use(t, &keys, TLS_TICKETS_FILE))
        log_write(LOG_INFO, "TLS session ticket keys from their file");
    mem_wipe(&keys, sizeof(keys));
}

static void keeper_apply(struct store_task *task)
{
    struct tickets_keeper *t = CONTAINER_OF(task, struct tickets_keeper, task);
    const struct config *config = task->store->config;
    if (t->rotation_ms && t->rotation_ms != config->ticket_rotation_ms)
        task->tickets->period = 0; /* other periods: the next one begins anew */
    t->rotation_ms = config->ticket_rotation_ms;
    t->due_ms = 0;
    name_key(t);
    if (config->ticket_file.path)
        use_file(t, config->ticket_file.data);
    else if (task->tickets->source == TLS_TICKETS_FILE)
        task->tickets->source = TLS_TICKETS_OWN;
}

static void keeper_tick(struct store_task *task)
{
    struct tickets_keeper *t = CONTAINER_OF(task, struct tickets_keeper, task);
    uint64_t now_ms = clock_now_ms();
    if (task->store->config->ticket_file.path || redis_call_is_pending(&t->call))
        return;
    if (!store_is_shared(task->store)) {
        rotate_alone(t);
    } else if (now_ms >= t->due_ms) {
        t->due_ms = now_ms + CHECK_MS;
        look(t);
    }
}

static void keeper_free(struct store_task *task)
{
    struct tickets_keeper *t = CONTAINER_OF(task, struct tickets_keeper, task);
    redis_call_cancel(&t->call);
    mem_free(t);
}

const struct store_task_type tickets_keeper = {
    .new = keeper_new,
    .apply = keeper_apply,
    .tick = keeper_tick,
    .free = keeper_free,
    .period_ms = PERIOD_MS,
};
