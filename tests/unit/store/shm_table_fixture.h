/* A table of records that say everywhere what they are. */
#ifndef UNIT_STORE_SHM_TABLE_FIXTURE_H
#define UNIT_STORE_SHM_TABLE_FIXTURE_H

#include "store/shm_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include <cmocka.h>

#define NOW 1000000
#define LATER (NOW + 60000)

struct payload {
    uint64_t a, b[6], c;
};

static const struct shm_table_shape evicting = { 12000, sizeof(struct payload), true };
static const struct shm_table_shape keeping = { 12000, sizeof(struct payload), false };
static const struct siphash_key secret = { 1, 2 };

struct fixture {
    void *memory;
    size_t bytes;
    struct shm_table *table;
};

static inline void begin(struct fixture *f, const struct shm_table_shape *shape)
{
    struct err e;
    f->bytes = shm_table_bytes(shape);
    f->memory = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(f->memory, MAP_FAILED);
    f->table = shm_table_new(f->memory, shape, &e);
    assert_non_null(f->table);
}

static inline void end(struct fixture *f)
{
    shm_table_free(&f->table);
    munmap(f->memory, f->bytes);
}

static inline struct siphash key_of(uint64_t number)
{
    return siphash_of(secret, slice_of((const char *)&number, sizeof(number)));
}

/* A record that says everywhere what it is. */
static inline void fill(struct payload *p, uint64_t value)
{
    p->a = p->c = value;
    for (size_t i = 0; i < ARRAY_LEN(p->b); i++)
        p->b[i] = value;
}

static inline bool is_whole(const struct payload *p)
{
    bool whole = p->a == p->c;
    for (size_t i = 0; i < ARRAY_LEN(p->b); i++)
        whole = whole && p->b[i] == p->a;
    return whole;
}

static inline bool put(struct shm_table *t, uint64_t number, uint64_t value, uint64_t expires_ms)
{
    struct siphash key = key_of(number);
    assert_int_equal(shm_table_lock(t, key), 0);
    struct payload *p = shm_table_insert(t, key, NOW, expires_ms);
    if (p)
        fill(p, value);
    shm_table_unlock(t, key);
    return p != NULL;
}

/* The value, or 0. */
static inline uint64_t get(struct shm_table *t, uint64_t number, uint64_t now_ms)
{
    struct siphash key = key_of(number);
    assert_int_equal(shm_table_lock(t, key), 0);
    const struct payload *p = shm_table_find(t, key, now_ms);
    uint64_t value = p ? p->a : 0;
    if (p)
        assert_true(is_whole(p));
    shm_table_unlock(t, key);
    return value;
}

static inline void count_record(void *user, void *record)
{
    uint64_t *sum = user;
    assert_true(is_whole(record));
    *sum += ((struct payload *)record)->a;
}

#endif
