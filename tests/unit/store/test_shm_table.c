#include "unit/store/shm_table_fixture.h"

#include <cmocka.h>

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

/* Else a former one, long expired, would be found first by who looks for whatever is there. */
static void a_key_has_one_record_even_after_it_expired(void **state)
{
    struct fixture f;
    struct siphash key = key_of(1);
    (void)state;
    begin(&f, &evicting);
    assert_true(put(f.table, 1, 10, NOW + 5));
    assert_int_equal(shm_table_lock(f.table, key), 0);
    assert_null(shm_table_find(f.table, key, NOW + 10));
    struct payload *p = shm_table_insert(f.table, key, NOW + 10, LATER);
    assert_non_null(p);
    fill(p, 20);
    shm_table_unlock(f.table, key);
    assert_int_equal(shm_table_count(f.table), 1);
    assert_int_equal(get(f.table, 1, 0), 20);
    assert_int_equal(get(f.table, 1, NOW), 20);
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
        cmocka_unit_test(a_key_has_one_record_even_after_it_expired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
