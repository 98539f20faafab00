/* Processes that share a table are forked; pipes say when they hold what. */
#include "store/shm_table.h"

#include "common/random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void begin(struct fixture *f, const struct shm_table_shape *shape)
{
    struct err e;
    f->bytes = shm_table_bytes(shape);
    f->memory = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(f->memory, MAP_FAILED);
    f->table = shm_table_new(f->memory, shape, &e);
    assert_non_null(f->table);
}

static void end(struct fixture *f)
{
    shm_table_free(&f->table);
    munmap(f->memory, f->bytes);
}

static struct siphash key_of(uint64_t number)
{
    return siphash_of(secret, slice_of((const char *)&number, sizeof(number)));
}

/* A record that says everywhere what it is. */
static void fill(struct payload *p, uint64_t value)
{
    p->a = p->c = value;
    for (size_t i = 0; i < ARRAY_LEN(p->b); i++)
        p->b[i] = value;
}

static bool is_whole(const struct payload *p)
{
    bool whole = p->a == p->c;
    for (size_t i = 0; i < ARRAY_LEN(p->b); i++)
        whole = whole && p->b[i] == p->a;
    return whole;
}

static bool put(struct shm_table *t, uint64_t number, uint64_t value, uint64_t expires_ms)
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
static uint64_t get(struct shm_table *t, uint64_t number, uint64_t now_ms)
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

static void finds_what_was_put_in(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &evicting);
    for (uint64_t i = 1; i <= 1000; i++)
        assert_true(put(f.table, i, i, LATER));
    for (uint64_t i = 1; i <= 1000; i++)
        assert_int_equal(get(f.table, i, NOW), i);
    assert_int_equal(get(f.table, 1001, NOW), 0);
    assert_int_equal(shm_table_count(f.table), 1000);
    end(&f);
}

static void forgets_what_was_removed_or_has_expired(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &evicting);
    put(f.table, 1, 11, NOW + 10);
    put(f.table, 2, 22, LATER);
    assert_int_equal(get(f.table, 1, NOW + 9), 11);
    assert_int_equal(get(f.table, 1, NOW + 10), 0);
    struct siphash key = key_of(2);
    assert_int_equal(shm_table_lock(f.table, key), 0);
    void *record = shm_table_find(f.table, key, NOW);
    assert_true(shm_table_key(record).low == key.low && shm_table_key(record).high == key.high);
    assert_int_equal(shm_table_expiry(record), LATER);
    shm_table_remove(f.table, record);
    shm_table_unlock(f.table, key);
    assert_int_equal(get(f.table, 2, NOW), 0);
    assert_int_equal(shm_table_count(f.table), 1);
    end(&f);
}

static void gives_a_zeroed_record_in_place_of_an_old_one(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &evicting);
    for (int round = 0; round < 3; round++) {
        struct siphash key = key_of(5);
        assert_int_equal(shm_table_lock(f.table, key), 0);
        struct payload *p = shm_table_insert(f.table, key, NOW, LATER);
        assert_int_equal(p->a, 0);
        assert_true(is_whole(p));
        fill(p, 7);
        shm_table_remove(f.table, p);
        shm_table_unlock(f.table, key);
    }
    end(&f);
}

static void holds_its_capacity_without_evicting(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &keeping);
    for (uint64_t i = 1; i <= keeping.capacity; i++)
        assert_true(put(f.table, i, i, LATER));
    end(&f);
    begin(&f, &evicting);
    for (uint64_t i = 1; i <= evicting.capacity; i++)
        put(f.table, i, i, LATER);
    assert_int_equal(shm_table_evictions(f.table), 0);
    end(&f);
}

static void refuses_more_when_it_keeps(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t stored = 0, refused = 0;
    begin(&f, &keeping);
    for (uint64_t i = 1; i <= 3ull * keeping.capacity; i++) {
        if (put(f.table, i, i, LATER))
            stored++;
        else
            refused++;
    }
    assert_true(refused > 0);
    assert_int_equal(shm_table_count(f.table), stored);
    for (uint64_t i = 1; i <= keeping.capacity; i++)
        assert_int_equal(get(f.table, i, NOW), i);
    end(&f);
}

static void takes_the_place_of_the_expired_when_it_is_full(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &keeping);
    for (uint64_t i = 1; i <= 4ull * keeping.capacity; i++)
        put(f.table, i, i, NOW); /* expired at once */
    for (uint64_t i = 1; i <= keeping.capacity / 2; i++)
        assert_true(put(f.table, 1000000 + i, i, LATER));
    end(&f);
}

static void evicts_first_what_expires_first(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &evicting);
    uint64_t total = 4ull * evicting.capacity;
    for (uint64_t i = 1; i <= total; i++)
        assert_true(put(f.table, i, i, LATER + i)); /* the newest live longest */
    assert_true(shm_table_evictions(f.table) > 2ull * evicting.capacity);
    uint64_t kept = 0;
    for (uint64_t i = total - evicting.capacity / 2; i <= total; i++)
        kept += get(f.table, i, NOW) == i;
    assert_true(kept > evicting.capacity / 2 * 99 / 100);
    end(&f);
}

static void count_record(void *user, void *record)
{
    uint64_t *sum = user;
    assert_true(is_whole(record));
    *sum += ((struct payload *)record)->a;
}

static void visits_every_record_once_and_drops_the_expired(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t sum = 0;
    uint32_t cursor = 0, rounds = 0;
    begin(&f, &evicting);
    for (uint64_t i = 1; i <= 500; i++)
        put(f.table, i, i, i % 2 ? LATER : NOW + 1);
    do {
        shm_table_visit(f.table, &cursor, 100, NOW + 1, count_record, &sum);
        rounds++;
    } while (cursor != 0);
    assert_int_equal(sum, 250 * 250);
    assert_int_equal(shm_table_count(f.table), 250);
    assert_int_equal(rounds, (shm_table_buckets(f.table) + 99) / 100);
    end(&f);
}

static void raise_by_one(void *user, void *record)
{
    struct payload *p = record;
    shm_table_edit(user, p);
    fill(p, p->a + 1);
    if (p->a == 10)
        shm_table_remove(user, p);
}

static void a_visitor_may_change_and_remove(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t cursor = 0;
    begin(&f, &evicting);
    for (uint64_t i = 1; i <= 100; i++)
        put(f.table, i, i, LATER);
    shm_table_visit(f.table, &cursor, UINT32_MAX, NOW, raise_by_one, f.table);
    assert_int_equal(cursor, 0);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(get(f.table, i, NOW), i == 9 ? 0 : i + 1);
    end(&f);
}

/* --- owners that die, or stop --------------------------------------------------------------------
 */

enum crime { HALF_EDITED, HALF_INSERTED, HALF_EVICTED, REMOVED };

/* Runs in a child, and does not come back. */
static void stop_in_the_middle(const struct fixture *f, enum crime crime, int ready)
{
    struct err e;
    struct siphash key = key_of(crime == HALF_EDITED || crime == REMOVED ? 1 : 77777);
    struct shm_table *t = shm_table_new(f->memory, &evicting, &e);
    struct payload *p = NULL;
    if (!t || shm_table_lock(t, key) < 0)
        _exit(2);
    if (crime == HALF_EDITED || crime == REMOVED) {
        p = shm_table_find(t, key, NOW);
        shm_table_edit(t, p);
    } else {
        p = shm_table_insert(t, key, NOW, LATER * 2);
    }
    if (!p)
        _exit(3);
    p->a = 666; /* and no more */
    if (crime == REMOVED)
        shm_table_remove(t, p);
    if (write(ready, "", 1) != 1)
        _exit(4);
    for (;;)
        pause();
}

static pid_t start_criminal(const struct fixture *f, enum crime crime)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        stop_in_the_middle(f, crime, ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void kill_and_wait(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void puts_back_what_a_killed_owner_left_half_written(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &evicting);
    for (uint64_t i = 1; i <= 100; i++)
        put(f.table, i, i, LATER);
    for (enum crime crime = HALF_EDITED; crime <= REMOVED; crime++) {
        kill_and_wait(start_criminal(&f, crime));
        for (uint64_t i = 1; i <= 100; i++)
            assert_int_equal(get(f.table, i, NOW), i);
        assert_int_equal(get(f.table, 77777, NOW), 0);
        assert_int_equal(shm_table_count(f.table), 100);
    }
    end(&f);
}

static void puts_back_what_a_killed_owner_was_evicting(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t before = 0, after = 0, total = 4ull * evicting.capacity;
    uint32_t cursor = 0;
    begin(&f, &evicting);
    for (uint64_t i = 1; i <= total; i++)
        put(f.table, i, i, LATER);
    shm_table_visit(f.table, &cursor, UINT32_MAX, NOW, count_record, &before);
    kill_and_wait(start_criminal(&f, HALF_EVICTED));
    shm_table_visit(f.table, &cursor, UINT32_MAX, NOW, count_record, &after);
    assert_int_equal(before, after);
    end(&f);
}

static void goes_on_without_one_who_is_stopped(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &evicting);
    put(f.table, 1, 1, LATER);
    pid_t pid = start_criminal(&f, HALF_EDITED); /* which waits as one stopped does */
    kill(pid, SIGSTOP);
    assert_int_equal(shm_table_lock(f.table, key_of(1)), ERR_LIMIT);
    assert_int_equal(shm_table_lock(f.table, key_of(1)), ERR_LIMIT);
    kill(pid, SIGCONT);
    kill_and_wait(pid);
    assert_int_equal(get(f.table, 1, NOW), 1);
    end(&f);
}

static void a_restarted_supervisor_puts_right_what_is_left(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, &evicting);
    for (uint64_t i = 1; i <= 100; i++)
        put(f.table, i, i, LATER);
    kill_and_wait(start_criminal(&f, HALF_EDITED));
    shm_table_recover(f.memory, &evicting);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(get(f.table, i, NOW), i);
    end(&f);
}

/* --- writers that mean harm ----------------------------------------------------------------------
 */

static void raise_whatever_it_is(void *user, void *record)
{
    struct payload *p = record;
    shm_table_edit(user, p);
    p->a++;
    if (p->c % 3 == 0)
        shm_table_remove(user, p);
}

static void use(struct shm_table *t, uint64_t number)
{
    struct siphash key = key_of(number);
    if (shm_table_lock(t, key) < 0)
        return;
    struct payload *p = shm_table_find(t, key, NOW);
    if (!p)
        p = shm_table_insert(t, key, NOW, LATER);
    if (p) {
        shm_table_edit(t, p);
        fill(p, number);
        shm_table_set_expiry(p, LATER);
    }
    shm_table_unlock(t, key);
}

/* On the heap, so that sanitizers see every step outside. */
static void stays_within_its_memory_whatever_is_written_there(void **state)
{
    (void)state;
    static const struct shm_table_shape shape = { 1000, sizeof(struct payload), true };
    struct err e;
    struct random random;
    size_t bytes = shm_table_bytes(&shape);
    uint64_t *memory = aligned_alloc(64, bytes);
    random_init(&random);
    for (int round = 0; round < 30; round++) {
        uint32_t cursor = 0;
        for (size_t i = 0; i < bytes / sizeof(*memory); i++)
            memory[i] = random_next(&random) >> random_below(&random, 64);
        struct shm_table *t = shm_table_new(memory, &shape, &e);
        for (uint64_t i = 0; i < 500; i++)
            use(t, i);
        shm_table_visit(t, &cursor, UINT32_MAX, NOW, raise_whatever_it_is, t);
        shm_table_recover(memory, &shape);
        for (uint64_t i = 0; i < 500; i++)
            use(t, i);
        shm_table_free(&t);
    }
    free(memory);
}

/* --- all at once -------------------------------------------------------------------------------
 */

#define CROWD 4
#define HOT_RECORDS 16

/* Raises records until it is killed. */
static void work_until_killed(const struct fixture *f, int ready)
{
    struct err e;
    struct shm_table *t = shm_table_new(f->memory, &evicting, &e);
    for (uint64_t i = 0;;) {
        struct siphash key = key_of(1 + i % HOT_RECORDS);
        if (shm_table_lock(t, key) < 0)
            continue;
        i++;
        struct payload *p = shm_table_find(t, key, NOW);
        if (!p || !is_whole(p))
            _exit(5);
        shm_table_edit(t, p);
        fill(p, p->a + 1);
        shm_table_unlock(t, key);
        if (i == 1000 && write(ready, "", 1) != 1)
            _exit(6);
    }
}

static void records_stay_whole_whoever_is_killed(void **state)
{
    (void)state;
    struct fixture f;
    char byte;
    int ends[2];
    pid_t crowd[CROWD];
    begin(&f, &evicting);
    for (uint64_t i = 1; i <= HOT_RECORDS; i++)
        put(f.table, i, 1, LATER);
    assert_int_equal(pipe(ends), 0);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < CROWD; i++) {
            crowd[i] = fork();
            if (crowd[i] == 0)
                work_until_killed(&f, ends[1]);
        }
        for (int i = 0; i < CROWD; i++)
            assert_int_equal(read(ends[0], &byte, 1), 1);
        for (int i = 0; i < CROWD; i++)
            kill_and_wait(crowd[i]);
    }
    for (uint64_t i = 1; i <= HOT_RECORDS; i++)
        assert_true(get(f.table, i, NOW) > 1);
    close(ends[0]);
    close(ends[1]);
    end(&f);
}

#define RAISES 20000

static void loses_no_change(void **state)
{
    (void)state;
    struct fixture f;
    pid_t crowd[CROWD];
    begin(&f, &evicting);
    put(f.table, 1, 1, LATER);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = fork();
        if (crowd[i] != 0)
            continue;
        struct err e;
        struct shm_table *t = shm_table_new(f.memory, &evicting, &e);
        for (uint64_t raised = 0; raised < RAISES;) {
            if (shm_table_lock(t, key_of(1)) < 0)
                continue;
            struct payload *p = shm_table_find(t, key_of(1), NOW);
            shm_table_edit(t, p);
            fill(p, p->a + 1);
            shm_table_unlock(t, key_of(1));
            raised++;
        }
        _exit(0);
    }
    for (int i = 0; i < CROWD; i++) {
        int status = 1;
        assert_int_equal(waitpid(crowd[i], &status, 0), crowd[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(get(f.table, 1, NOW), 1 + CROWD * RAISES);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put_in),
        cmocka_unit_test(forgets_what_was_removed_or_has_expired),
        cmocka_unit_test(gives_a_zeroed_record_in_place_of_an_old_one),
        cmocka_unit_test(holds_its_capacity_without_evicting),
        cmocka_unit_test(refuses_more_when_it_keeps),
        cmocka_unit_test(takes_the_place_of_the_expired_when_it_is_full),
        cmocka_unit_test(evicts_first_what_expires_first),
        cmocka_unit_test(visits_every_record_once_and_drops_the_expired),
        cmocka_unit_test(a_visitor_may_change_and_remove),
        cmocka_unit_test(puts_back_what_a_killed_owner_left_half_written),
        cmocka_unit_test(puts_back_what_a_killed_owner_was_evicting),
        cmocka_unit_test(goes_on_without_one_who_is_stopped),
        cmocka_unit_test(a_restarted_supervisor_puts_right_what_is_left),
        cmocka_unit_test(stays_within_its_memory_whatever_is_written_there),
        cmocka_unit_test(records_stay_whole_whoever_is_killed),
        cmocka_unit_test(loses_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
