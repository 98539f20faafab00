/* Processes that share a table are forked, and die or stop at the worst moments; pipes say when
 * they hold what. */
#include "unit/store/shm_table_fixture.h"

#include "common/random.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

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
    uint32_t cursor = 0;
    uint64_t sum = 0;
    begin(&f, &evicting);
    put(f.table, 1, 1, LATER);
    pid_t pid = start_criminal(&f, HALF_EDITED); /* which waits as one stopped does */
    kill(pid, SIGSTOP);
    assert_int_equal(shm_table_lock(f.table, key_of(1)), ERR_LIMIT);
    assert_int_equal(shm_table_lock(f.table, key_of(1)), ERR_LIMIT);
    assert_false(shm_table_visit(f.table, &cursor, UINT32_MAX, NOW, count_record, &sum));
    assert_int_equal(sum, 0);
    kill(pid, SIGCONT);
    kill_and_wait(pid);
    assert_int_equal(get(f.table, 1, NOW), 1);
    assert_true(shm_table_visit(f.table, &cursor, UINT32_MAX, NOW, count_record, &sum));
    assert_int_equal(sum, 1);
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
