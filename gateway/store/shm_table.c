/* How the memory is laid out:
 *
 *   stripes, each with the former state of the record being changed | buckets, a group for each
 *   stripe; a bucket is its tags, one cache line, and then its records
 *
 * A tag is a part of the record's key, and 0 where there is no record: dropping a record is one
 * store of a word. */
#include "store/shm_table.h"

#include "common/clock.h"
#include "common/mem.h"
#include "store/shm_lock.h"

#define CACHE_LINE 64
#define LOAD 6               /* records in a bucket of SHM_TABLE_WAYS, when the table is full */
#define GROUP_BUCKETS_MIN 64 /* that a stripe should have: fewer fill up too unevenly */

struct record {
    struct siphash key;
    uint64_t expires_ms;
    unsigned char payload[];
};

struct stripe {
    struct shm_lock lock;
    _Atomic uint32_t undo; /* 1 + the place in the group that `before` is of; 0: nothing to undo */
    _Atomic uint64_t count, evictions;
    uint64_t before_tag;
    unsigned char before[]; /* a struct record with its payload */
};

struct geometry {
    uint32_t stripes;       /* a power of two */
    uint32_t group_buckets; /* of each stripe */
    size_t record_bytes, bucket_bytes, stripe_bytes;
};

struct shm_table {
    unsigned char *memory; /* borrowed: the shared memory */
    struct geometry g;
    bool evicts;
    struct shm_owner owner;
    /* Between lock and unlock: */
    struct stripe *held;
    uint64_t *homes[2];    /* the tags of the buckets that may be touched */
    struct record *edited; /* NULL: none yet */
    uint64_t grudge_until_ms[SHM_TABLE_STRIPES];
};

static size_t round_up(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

static struct geometry geometry_of(const struct shm_table_shape *shape)
{
    assert(shape->capacity > 0 && shape->record_bytes <= SHM_TABLE_RECORD_MAX);
    uint32_t buckets = shape->capacity / LOAD + 1;
    struct geometry g = { .stripes = 1 };
    while (g.stripes < SHM_TABLE_STRIPES && buckets / (2 * g.stripes) >= GROUP_BUCKETS_MIN)
        g.stripes *= 2;
    g.group_buckets = (buckets + g.stripes - 1) / g.stripes;
    g.record_bytes = round_up(sizeof(struct record) + shape->record_bytes, sizeof(uint64_t));
    g.bucket_bytes = round_up(SHM_TABLE_WAYS * (sizeof(uint64_t) + g.record_bytes), CACHE_LINE);
    g.stripe_bytes = round_up(sizeof(struct stripe) + g.record_bytes, CACHE_LINE);
    return g;
}

size_t shm_table_bytes(const struct shm_table_shape *shape)
{
    struct geometry g = geometry_of(shape);
    return g.stripes * (g.stripe_bytes + g.group_buckets * g.bucket_bytes);
}

/* --- where things are ----------------------------------------------------------------------- */

static struct stripe *stripe_at(unsigned char *memory, const struct geometry *g, uint32_t index)
{
    return (struct stripe *)(memory + index * g->stripe_bytes);
}

static uint64_t *bucket_at(unsigned char *memory, const struct geometry *g, uint32_t stripe,
                           uint32_t index)
{
    size_t bucket = (size_t)stripe * g->group_buckets + index;
    return (uint64_t *)(memory + g->stripes * g->stripe_bytes + bucket * g->bucket_bytes);
}

static struct record *record_at(const struct geometry *g, uint64_t *tags, uint32_t way)
{
    return (struct record *)((unsigned char *)(tags + SHM_TABLE_WAYS) + way * g->record_bytes);
}

static struct record *record_of(const void *payload)
{
    return CONTAINER_OF((unsigned char *)payload, struct record, payload);
}

static uint64_t tag_of(struct siphash key)
{
    return key.low | 1;
}

/* The upper half of 32 random bits times `count`: a number below `count`. */
static uint32_t scale(uint32_t bits, uint32_t count)
{
    return (uint32_t)((uint64_t)bits * count >> 32);
}

static uint32_t stripe_of(const struct geometry *g, struct siphash key)
{
    return (uint32_t)(key.low >> 32) & (g->stripes - 1);
}

/* Which of the two homes holds the record, and where in it. */
static uint64_t *home_of(const struct shm_table *t, const struct record *record, uint32_t *way)
{
    for (int i = 0; i < 2; i++) {
        size_t offset = (size_t)((uintptr_t)record - (uintptr_t)t->homes[i]);
        if (offset >= t->g.bucket_bytes)
            continue;
        *way = (uint32_t)((offset - SHM_TABLE_WAYS * sizeof(uint64_t)) / t->g.record_bytes);
        return t->homes[i];
    }
    assert(!"the record is of the buckets that are locked");
    return NULL;
}

/* --- undoing what a dead owner began ---------------------------------------------------------- */

static uint64_t count_group(unsigned char *memory, const struct geometry *g, uint32_t stripe)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < g->group_buckets; i++) {
        const uint64_t *tags = bucket_at(memory, g, stripe, i);
        for (uint32_t way = 0; way < SHM_TABLE_WAYS; way++)
            count += tags[way] != 0;
    }
    return count;
}

static void undo(unsigned char *memory, const struct geometry *g, uint32_t index)
{
    struct stripe *s = stripe_at(memory, g, index);
    uint32_t place = atomic_load_explicit(&s->undo, memory_order_acquire);
    if (place > 0 && place <= g->group_buckets * SHM_TABLE_WAYS) {
        uint32_t way = (place - 1) % SHM_TABLE_WAYS;
        uint64_t *tags = bucket_at(memory, g, index, (place - 1) / SHM_TABLE_WAYS);
        memcpy(record_at(g, tags, way), s->before, g->record_bytes);
        tags[way] = s->before_tag;
    }
    atomic_store_explicit(&s->undo, 0, memory_order_release);
    atomic_store_explicit(&s->count, count_group(memory, g, index), memory_order_relaxed);
}

void shm_table_recover(void *memory, const struct shm_table_shape *shape)
{
    struct geometry g = geometry_of(shape);
    for (uint32_t i = 0; i < g.stripes; i++) {
        struct stripe *s = stripe_at(memory, &g, i);
        if (atomic_load(&s->lock.word) || atomic_load(&s->undo))
            undo(memory, &g, i);
        atomic_store(&s->lock.word, 0);
    }
}

/* --- the handle ------------------------------------------------------------------------------- */

struct shm_table *shm_table_new(void *memory, const struct shm_table_shape *shape, struct err *e)
{
    assert((uintptr_t)memory % CACHE_LINE == 0);
    struct shm_table *t = mem_new(sizeof(*t));
    t->memory = memory;
    t->g = geometry_of(shape);
    t->evicts = shape->evicts;
    if (shm_owner_init(&t->owner, e) < 0)
        shm_table_free(&t);
    return t;
}

void shm_table_free(struct shm_table **t)
{
    mem_free(*t);
    *t = NULL;
}

/* Somebody else has the lock, or died with it. */
static COLD enum shm_lock_result contend(struct shm_table *t, uint32_t index,
                                         enum shm_lock_result result)
{
    struct stripe *s = stripe_at(t->memory, &t->g, index);
    if (result == SHM_LOCK_BUSY && clock_now_ms() >= t->grudge_until_ms[index]) {
        result = shm_lock_take(&s->lock, &t->owner, SHM_TABLE_WAIT_MS);
        if (result == SHM_LOCK_BUSY)
            t->grudge_until_ms[index] = clock_now_ms() + SHM_TABLE_GRUDGE_MS;
    }
    if (result == SHM_LOCK_INHERITED)
        undo(t->memory, &t->g, index);
    return result;
}

static int lock_stripe(struct shm_table *t, uint32_t index)
{
    struct stripe *s = stripe_at(t->memory, &t->g, index);
    assert(!t->held);
    enum shm_lock_result result = shm_lock_try(&s->lock, &t->owner);
    if (UNLIKELY(result != SHM_LOCK_TAKEN))
        result = contend(t, index, result);
    if (UNLIKELY(result == SHM_LOCK_BUSY))
        return ERR_LIMIT;
    t->held = s;
    return 0;
}

/* What was edited is as it shall be. */
static void commit(struct shm_table *t)
{
    if (t->edited)
        atomic_store_explicit(&t->held->undo, 0, memory_order_release);
    t->edited = NULL;
}

static void unlock_stripe(struct shm_table *t)
{
    commit(t);
    shm_lock_release(&t->held->lock, &t->owner);
    t->held = NULL;
}

int shm_table_lock(struct shm_table *t, struct siphash key)
{
    uint32_t index = stripe_of(&t->g, key);
    uint32_t first = scale((uint32_t)key.high, t->g.group_buckets);
    uint32_t second = scale((uint32_t)(key.high >> 32), t->g.group_buckets);
    if (second == first)
        second = first + 1 < t->g.group_buckets ? first + 1 : 0;
    t->homes[0] = bucket_at(t->memory, &t->g, index, first);
    t->homes[1] = bucket_at(t->memory, &t->g, index, second);
    return lock_stripe(t, index);
}

void shm_table_unlock(struct shm_table *t, struct siphash key)
{
    assert(t->held == stripe_at(t->memory, &t->g, stripe_of(&t->g, key)));
    (void)key;
    unlock_stripe(t);
}

/* --- records ---------------------------------------------------------------------------------- */

uint64_t shm_table_expiry(const void *record)
{
    return record_of(record)->expires_ms;
}

void shm_table_set_expiry(void *record, uint64_t expires_ms)
{
    record_of(record)->expires_ms = expires_ms;
}

struct siphash shm_table_key(const void *record)
{
    return record_of(record)->key;
}

void *shm_table_find(struct shm_table *t, struct siphash key, uint64_t now_ms)
{
    uint64_t tag = tag_of(key);
    for (int i = 0; i < 2; i++) {
        for (uint32_t way = 0; way < SHM_TABLE_WAYS; way++) {
            if (LIKELY(t->homes[i][way] != tag))
                continue;
            struct record *record = record_at(&t->g, t->homes[i], way);
            if (record->key.low == key.low && record->key.high == key.high &&
                record->expires_ms > now_ms)
                return record->payload;
        }
    }
    return NULL;
}

static void keep_former(struct shm_table *t, struct record *record)
{
    uint32_t way = 0;
    struct stripe *s = t->held;
    if (t->edited == record)
        return;
    assert(!t->edited);
    uint64_t *tags = home_of(t, record, &way);
    size_t stripe = (size_t)((unsigned char *)s - t->memory) / t->g.stripe_bytes;
    uint64_t *group = bucket_at(t->memory, &t->g, (uint32_t)stripe, 0);
    size_t bucket = (size_t)((unsigned char *)tags - (unsigned char *)group) / t->g.bucket_bytes;
    s->before_tag = tags[way];
    memcpy(s->before, record, t->g.record_bytes);
    t->edited = record;
    atomic_store_explicit(&s->undo, (uint32_t)(bucket * SHM_TABLE_WAYS + way + 1),
                          memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

void shm_table_edit(struct shm_table *t, void *record)
{
    assert(t->held);
    keep_former(t, record_of(record));
}

static void add(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + value,
                          memory_order_relaxed);
}

static void drop(struct shm_table *t, uint64_t *tag)
{
    *tag = 0;
    add(&t->held->count, (uint64_t)-1);
}

void shm_table_remove(struct shm_table *t, void *record)
{
    uint32_t way = 0;
    uint64_t *tags = home_of(t, record_of(record), &way);
    drop(t, &tags[way]);
}

static uint32_t count_free(const uint64_t *tags)
{
    uint32_t count = 0;
    for (uint32_t way = 0; way < SHM_TABLE_WAYS; way++)
        count += tags[way] == 0;
    return count;
}

/* Bounded, whoever else writes there. */
static uint32_t first_free(const uint64_t *tags)
{
    uint32_t way = 0;
    while (way < SHM_TABLE_WAYS - 1 && tags[way] != 0)
        way++;
    return way;
}

/* Of both homes, which are full. */
static struct record *first_to_expire(struct shm_table *t)
{
    struct record *first = NULL;
    for (int i = 0; i < 2; i++) {
        for (uint32_t way = 0; way < SHM_TABLE_WAYS; way++) {
            struct record *record = record_at(&t->g, t->homes[i], way);
            if (!first || record->expires_ms < first->expires_ms)
                first = record;
        }
    }
    return first;
}

/* A place to write to, or NULL. What the key had before it expired gives way first: of two records
 * under one key, who wants to remove it would find the wrong one. */
static struct record *find_place(struct shm_table *t, struct siphash key, uint64_t now_ms)
{
    const void *former = shm_table_find(t, key, 0);
    if (former)
        return record_of(former);
    uint32_t free[2] = { count_free(t->homes[0]), count_free(t->homes[1]) };
    uint64_t *tags = t->homes[free[1] > free[0]];
    if (free[0] + free[1] > 0) {
        add(&t->held->count, 1);
        return record_at(&t->g, tags, first_free(tags));
    }
    struct record *record = first_to_expire(t);
    if (record->expires_ms <= now_ms)
        return record;
    if (!t->evicts)
        return NULL;
    add(&t->held->evictions, 1);
    return record;
}

void *shm_table_insert(struct shm_table *t, struct siphash key, uint64_t now_ms,
                       uint64_t expires_ms)
{
    uint32_t way = 0;
    assert(t->held);
    struct record *record = find_place(t, key, now_ms);
    if (!record)
        return NULL;
    keep_former(t, record);
    uint64_t *tags = home_of(t, record, &way);
    memset(record, 0, t->g.record_bytes);
    record->key = key;
    record->expires_ms = expires_ms;
    tags[way] = tag_of(key);
    return record->payload;
}

/* --- all of them ------------------------------------------------------------------------------ */

static void visit_bucket(struct shm_table *t, uint64_t *tags, uint64_t now_ms,
                         shm_table_visit_fn visit, void *user)
{
    for (uint32_t way = 0; way < SHM_TABLE_WAYS; way++) {
        struct record *record = record_at(&t->g, tags, way);
        if (tags[way] == 0)
            continue;
        if (record->expires_ms <= now_ms)
            drop(t, &tags[way]);
        else if (visit)
            visit(user, record->payload);
        commit(t);
    }
}

bool shm_table_visit(struct shm_table *t, uint32_t *cursor, uint32_t buckets, uint64_t now_ms,
                     shm_table_visit_fn visit, void *user)
{
    uint32_t end = shm_table_buckets(t);
    bool all = true;
    for (uint32_t i = 0; i < buckets && *cursor < end; i++, ++*cursor) {
        uint32_t index = *cursor / t->g.group_buckets;
        uint64_t *tags = bucket_at(t->memory, &t->g, index, *cursor % t->g.group_buckets);
        /* Reading memory that nobody has used would make it used. */
        if (atomic_load_explicit(&stripe_at(t->memory, &t->g, index)->count,
                                 memory_order_relaxed) == 0)
            continue;
        t->homes[0] = t->homes[1] = tags;
        if (lock_stripe(t, index) < 0) {
            all = false;
            continue;
        }
        visit_bucket(t, tags, now_ms, visit, user);
        unlock_stripe(t);
    }
    if (*cursor >= end)
        *cursor = 0;
    return all;
}

uint32_t shm_table_buckets(const struct shm_table *t)
{
    return t->g.stripes * t->g.group_buckets;
}

uint64_t shm_table_count(const struct shm_table *t)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < t->g.stripes; i++)
        sum += atomic_load_explicit(&stripe_at(t->memory, &t->g, i)->count, memory_order_relaxed);
    return sum;
}

uint64_t shm_table_evictions(const struct shm_table *t)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < t->g.stripes; i++)
        sum +=
            atomic_load_explicit(&stripe_at(t->memory, &t->g, i)->evictions, memory_order_relaxed);
    return sum;
}
