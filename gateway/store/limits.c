#include "store/limits.h"

#include "common/digest.h"
#include "common/mem.h"
#include "store/limit_ask.h"

#define NS_PER_MS 1000000ull
/* Above what anybody runs; it bounds what a broken word of shared memory can do. */
#define NODES_MAX 1024

_Static_assert(sizeof(struct limit_record) <= STORE_LIMIT_BYTES, "a record has room in its table");

struct limits {
    struct store *store; /* borrowed */
    struct siphash_key key;
    struct siphash masks[CONFIG_RATE_LIMITS_MAX]; /* of the current configuration's limits */
    struct limit_fetches *fetches;                /* owned */
};

static uint64_t now_ns(const struct store *s)
{
    return s->loop->now_us * 1000;
}

static uint64_t whole_ms(uint64_t ns)
{
    return (ns + NS_PER_MS - 1) / NS_PER_MS;
}

static uint32_t nodes(const struct store *s)
{
    if (!s->redis)
        return 1;
    uint32_t live =
        atomic_load_explicit(&store_region_node(s->region)->live_nodes, memory_order_relaxed);
    return MAX(MIN(live, NODES_MAX), 1u);
}

/* What this node may let through by itself. */
static struct gcra share_of(const struct limit_op *op)
{
    const struct config_rate_limit *limit = op->limit;
    uint32_t parts = nodes(op->store);
    if (op->store->redis && limit->mode == CONFIG_LIMIT_STRICT)
        parts *= 2;
    return gcra_share(limit->limit, limit->period_ms, limit->burst, parts);
}

static struct siphash mask_of(const struct limits *l, const struct config_rate_limit *limit)
{
    return siphash_of(l->key, slice_str(limit->name));
}

static struct siphash current_mask(const struct limits *l, const struct config_rate_limit *limit)
{
    const struct config *c = l->store->config;
    for (size_t i = 0; i < c->rate_limit_count; i++)
        if (limit == &c->rate_limits[i])
            return l->masks[i];
    return mask_of(l, limit); /* a request of a former configuration */
}

/* The same on all nodes that share a secret, and nobody's to choose: two digests under secrets, of
 * the key and of the limit. */
static struct siphash place_of(const struct limits *l, const struct limit_op *op)
{
    struct siphash place = op->key.data ? siphash_of(l->key, op->key) : op->digest;
    struct siphash mask = current_mask(l, op->limit);
    place.low ^= mask.low;
    place.high ^= mask.high;
    return place;
}

/* ---- the record ---- */

static struct shm_table *table(const struct limit_op *op)
{
    return op->store->tables[STORE_LIMITS];
}

/* Locked; NULL when it cannot be had. It stays until it says nothing any more. */
static struct limit_record *open_record(struct limit_op *op, const struct gcra *share)
{
    uint64_t wall_ms = loop_wall_ms(op->store->loop);
    uint64_t life_ms = MAX(whole_ms(share->tolerance_ns), op->limit->period_ms) + 1;
    if (shm_table_lock(table(op), op->place))
        return NULL;
    struct limit_record *r = shm_table_find(table(op), op->place, wall_ms);
    if (r)
        shm_table_set_expiry(r, wall_ms + life_ms);
    else
        r = shm_table_insert(table(op), op->place, wall_ms, wall_ms + life_ms);
    if (!r)
        shm_table_unlock(table(op), op->place);
    return r;
}

/* More than one word of it is about to be changed. */
static struct limit_record *edit_record(struct limit_op *op, const struct gcra *share)
{
    struct limit_record *r = open_record(op, share);
    if (r)
        shm_table_edit(table(op), r);
    return r;
}

static void close_record(struct limit_op *op)
{
    shm_table_unlock(table(op), op->place);
}

static enum store_result let_through(struct limit_op *op)
{
    op->allowed = true;
    op->remaining = op->limit->burst;
    op->retry_ms = op->reset_ms = 0;
    op->source = LIMIT_BY_NOBODY;
    return STORE_DONE;
}

static void tell(struct limit_op *op, const struct gcra *g, uint64_t tat_ns, uint32_t remaining)
{
    op->remaining = remaining;
    op->retry_ms = op->allowed ? 0 : MAX(whole_ms(gcra_retry_ns(g, tat_ns, now_ns(op->store))), 1u);
    op->reset_ms = whole_ms(gcra_reset_ns(g, tat_ns, now_ns(op->store)));
}

/* ---- by this node alone ---- */

/* Its tat is all that changes, a word, which nobody can find half-written: the record need not be
 * kept for the case of our death. */
static enum store_result take_alone(struct limit_op *op)
{
    uint64_t now = now_ns(op->store);
    struct gcra share = share_of(op);
    struct limit_record *r = open_record(op, &share);
    if (!r)
        return let_through(op);
    op->source = LIMIT_BY_NODE;
    op->allowed = gcra_take(&share, &r->tat_ns, now, 1);
    tell(op, &share, r->tat_ns, gcra_room(&share, r->tat_ns, now));
    close_record(op);
    return STORE_DONE;
}

/* Redis would have been asked. */
static enum store_result take_instead(struct limit_op *op)
{
    metrics_add(op->store->metrics, COUNTER_RATE_LIMIT_FALLBACKS, 1);
    return take_alone(op);
}

/* ---- by Redis ---- */

static struct limit_ask ask_for_one(const struct limit_op *op, const struct gcra *whole)
{
    return (struct limit_ask){ whole, op->limit->name, op->place, { .want = 1 } };
}

static void learn(struct limit_op *op, const struct limit_lease *lease,
                  const struct limit_answer *answer)
{
    uint64_t now = now_ns(op->store);
    struct gcra share = share_of(op);
    struct limit_record *r = edit_record(op, &share);
    op->source = LIMIT_BY_REDIS;
    op->allowed = answer->granted > 0;
    tell(op, &lease->whole, now + answer->shared_ns,
         gcra_room(&lease->whole, now + answer->shared_ns, now));
    if (!r)
        return;
    r->shared_tat_ns = now + answer->shared_ns;
    if (op->allowed) {
        r->used++;
        gcra_drain(&share, &r->tat_ns, now, 1);
    } else if (op->limit->mode == CONFIG_LIMIT_LEASE) {
        limit_lease_refused(r, now);
    }
    close_record(op);
}

static void on_outcome(struct redis_call *call, enum redis_outcome outcome,
                       const struct redisReply *reply)
{
    struct limit_op *op = CONTAINER_OF(call, struct limit_op, op.call);
    struct limit_lease lease = limit_lease_of(op->limit, nodes(op->store));
    struct limit_ask ask = ask_for_one(op, &lease.whole);
    struct limit_answer answer;
    op->op.cancel = NULL;
    if (limit_ask_read(outcome, reply, &ask, &answer))
        learn(op, &lease, &answer);
    else
        take_instead(op);
    op->op.on_done(&op->op);
}

static void cancel(struct store_op *op)
{
    redis_call_cancel(&op->call);
}

static enum store_result ask_redis(struct limit_op *op, const struct gcra *whole)
{
    struct limit_ask ask = ask_for_one(op, whole);
    op->op.call.on_outcome = on_outcome;
    if (limit_ask_put(op->store, &op->op.call, &ask))
        return take_instead(op);
    op->op.cancel = cancel;
    return STORE_PENDING;
}

/* ---- mode by mode ---- */

/* What Redis has refused it goes on refusing until its time has come: it need not be asked. */
static enum store_result take_strictly(struct limit_op *op)
{
    uint64_t now = now_ns(op->store);
    struct limit_lease lease = limit_lease_of(op->limit, 1);
    struct gcra share = share_of(op);
    struct limit_record *r = open_record(op, &share);
    bool refused = r && gcra_room(&lease.whole, r->shared_tat_ns, now) == 0;
    if (refused) {
        op->source = LIMIT_BY_REDIS;
        op->allowed = false;
        tell(op, &lease.whole, r->shared_tat_ns, 0);
    }
    if (r)
        close_record(op);
    return refused ? STORE_DONE : ask_redis(op, &lease.whole);
}

static enum store_result take_leased(struct limit_op *op)
{
    uint64_t now = now_ns(op->store);
    struct limit_lease lease = limit_lease_of(op->limit, nodes(op->store));
    struct gcra share = share_of(op);
    struct limit_lease_ask question;
    struct limit_record *r = edit_record(op, &share);
    if (!r)
        return let_through(op);
    op->source = LIMIT_BY_LEASE;
    op->verdict = limit_lease_take(&lease, r, now);
    op->allowed = op->verdict == LIMIT_LEASE_SPENT || op->verdict == LIMIT_LEASE_FREE;
    if (op->allowed)
        gcra_drain(&share, &r->tat_ns, now, 1);
    tell(op, &lease.whole, r->shared_tat_ns, limit_lease_room(&lease, r, now));
    bool is_due = limit_lease_ask(&lease, r, now, &question);
    close_record(op);
    if (is_due)
        limit_fetch(op->store->limits->fetches, &lease, op->limit->name, op->place, question);
    return op->verdict == LIMIT_LEASE_ASK ? ask_redis(op, &lease.whole) : STORE_DONE;
}

enum store_result limits_take(struct store *s, struct limit_op *op)
{
    op->store = s;
    op->place = place_of(s->limits, op);
    if (!s->redis || op->limit->mode == CONFIG_LIMIT_LOCAL)
        return take_alone(op);
    if (!store_is_shared(s))
        return take_instead(op);
    return op->limit->mode == CONFIG_LIMIT_STRICT ? take_strictly(op) : take_leased(op);
}

/* What Redis has granted is not given back to it, but kept for the next one. */
void limits_return(struct limit_op *op)
{
    uint64_t now = now_ns(op->store);
    struct gcra share = share_of(op);
    if (!op->allowed || op->source == LIMIT_BY_NOBODY)
        return;
    struct limit_record *r = edit_record(op, &share);
    if (!r)
        return;
    gcra_return(&share, &r->tat_ns);
    if (op->source != LIMIT_BY_NODE && op->limit->mode == CONFIG_LIMIT_LEASE) {
        struct limit_lease lease = limit_lease_of(op->limit, nodes(op->store));
        limit_lease_return(&lease, r, op->source == LIMIT_BY_REDIS ? LIMIT_LEASE_ASK : op->verdict,
                           now);
    }
    close_record(op);
}

/* ---- for store.c ---- */

struct limits *limits_new(struct store *s)
{
    struct limits *l = mem_new(sizeof(*l));
    l->store = s;
    l->fetches = limit_fetches_new(s);
    return l;
}

void limits_apply(struct limits *l)
{
    uint8_t secret[DIGEST_BYTES];
    digest_derive(slice_of((const char *)l->store->secret, sizeof(l->store->secret)), "rate limits",
                  0, secret);
    memcpy(&l->key, secret, sizeof(l->key));
    mem_wipe(secret, sizeof(secret));
    const struct config *c = l->store->config;
    for (size_t i = 0; i < c->rate_limit_count; i++)
        l->masks[i] = mask_of(l, &c->rate_limits[i]);
}

void limits_free(struct limits **l)
{
    if (!*l)
        return;
    limit_fetches_free(&(*l)->fetches);
    mem_free(*l);
    *l = NULL;
}
