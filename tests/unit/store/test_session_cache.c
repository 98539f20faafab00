#include "store/session_cache.h"

#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW 1000000000ull
#define IDLE_MS 60000
#define ABSOLUTE_MS 600000

static const struct shm_table_shape shape = { .capacity = 64,
                                              .record_bytes = STORE_SESSION_BYTES,
                                              .evicts = true };
static void *memory;
static struct shm_table *table;
static const uint8_t one[SESSION_HASH_BYTES] = { 1, 2, 3 }, two[SESSION_HASH_BYTES] = { 4, 5, 6 };

static int set_up(void **state)
{
    struct err e;
    (void)state;
    size_t bytes = (shm_table_bytes(&shape) + 63) / 64 * 64;
    memory = aligned_alloc(64, bytes);
    memset(memory, 0, bytes);
    table = shm_table_new(memory, &shape, &e);
    return table ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    shm_table_free(&table);
    free(memory);
    return 0;
}

static struct session session_of(const char *uid)
{
    struct session s = { .level = 2, .revision = 1, .absolute_ms = NOW + ABSOLUTE_MS };
    memcpy(s.uid, uid, strlen(uid));
    return s;
}

static void put(const uint8_t hash[SESSION_HASH_BYTES], const char *uid)
{
    struct session s = session_of(uid);
    assert_true(session_cache_put(table, hash, NOW, IDLE_MS, &s));
}

static struct session_copy look(const uint8_t hash[SESSION_HASH_BYTES], uint64_t now_ms)
{
    struct session_copy copy;
    assert_int_equal(session_cache_look(table, hash, now_ms, IDLE_MS, &copy), 0);
    return copy;
}

static void finds_what_was_put(void **state)
{
    (void)state;
    put(one, "an");
    struct session_copy copy = look(one, NOW);
    assert_int_equal(copy.kind, SESSION_KIND_LIVE);
    assert_string_equal(copy.session.uid, "an");
    assert_int_equal(look(two, NOW).kind, SESSION_KIND_NOTHING);
}

static void ends_when_it_is_not_used(void **state)
{
    (void)state;
    put(one, "an");
    assert_int_equal(look(one, NOW + IDLE_MS).kind, SESSION_KIND_NOTHING);
}

static void use_keeps_it_but_not_for_ever(void **state)
{
    (void)state;
    uint64_t now = NOW;
    put(one, "an");
    for (; now < NOW + ABSOLUTE_MS; now += IDLE_MS / 2)
        assert_int_equal(look(one, now).kind, SESSION_KIND_LIVE);
    assert_int_equal(look(one, NOW + ABSOLUTE_MS).kind, SESSION_KIND_NOTHING);
}

static enum session_status rotate(const uint8_t hash[SESSION_HASH_BYTES],
                                  const uint8_t successor[SESSION_HASH_BYTES], uint64_t now_ms)
{
    struct session s = session_of("an");
    return session_cache_rotate(table, hash, now_ms, IDLE_MS, successor, &s);
}

static void an_alias_is_followed_while_it_lasts(void **state)
{
    (void)state;
    put(one, "an");
    assert_int_equal(rotate(one, two, NOW), SESSION_FOUND);
    struct session_copy copy = look(one, NOW + SESSION_ALIAS_MS - 1);
    assert_int_equal(copy.kind, SESSION_KIND_LIVE);
    assert_memory_equal(copy.hash, two, sizeof(two));
    assert_int_equal(look(one, NOW + SESSION_ALIAS_MS).kind, SESSION_KIND_NOTHING);
}

static void what_has_ended_is_not_rotated_back(void **state)
{
    (void)state;
    put(one, "an");
    assert_true(session_cache_forget(table, one));
    assert_int_equal(rotate(one, two, NOW), SESSION_NONE);
    assert_int_equal(look(one, NOW).kind, SESSION_KIND_NOTHING);
    assert_int_equal(look(two, NOW).kind, SESSION_KIND_NOTHING);
    put(one, "an");
    assert_true(session_cache_owe(table, one, NOW, NOW + ABSOLUTE_MS));
    assert_int_equal(rotate(one, two, NOW), SESSION_NONE);
    put(one, "an");
    assert_int_equal(rotate(one, two, NOW + IDLE_MS), SESSION_NONE);
}

static void only_one_rotation_gives_it_another_id(void **state)
{
    (void)state;
    static const uint8_t three[SESSION_HASH_BYTES] = { 7, 8, 9 };
    put(one, "an");
    assert_int_equal(rotate(one, two, NOW), SESSION_FOUND);
    assert_int_equal(rotate(one, three, NOW), SESSION_MOVED);
    assert_int_equal(look(three, NOW).kind, SESSION_KIND_NOTHING);
    assert_memory_equal(look(one, NOW).hash, two, sizeof(two));
}

static void what_is_rotated_is_not_missed(void **state)
{
    (void)state;
    uint32_t cursor = 0;
    put(one, "an");
    assert_int_equal(rotate(one, two, NOW), SESSION_FOUND);
    assert_true(session_cache_forget_user(table, "anh", NOW, 0, &cursor, UINT32_MAX));
    assert_false(session_cache_forget_user(table, "an", NOW, 0, &cursor, UINT32_MAX));
    assert_true(session_cache_forget_user(table, "an", NOW, 0, &cursor, UINT32_MAX));
    assert_int_equal(look(one, NOW).kind, SESSION_KIND_NOTHING);
    assert_int_equal(look(two, NOW).kind, SESSION_KIND_NOTHING);
}

static void what_is_ended_by_its_former_id_ends(void **state)
{
    (void)state;
    static const uint8_t three[SESSION_HASH_BYTES] = { 7, 8, 9 };
    put(one, "an");
    assert_int_equal(rotate(one, two, NOW), SESSION_FOUND);
    assert_int_equal(rotate(two, three, NOW), SESSION_FOUND);
    assert_true(session_cache_end(table, one, NOW));
    assert_int_equal(look(three, NOW).kind, SESSION_KIND_NOTHING);
    put(one, "an");
    assert_int_equal(rotate(one, two, NOW), SESSION_FOUND);
    assert_true(session_cache_owe(table, one, NOW, NOW + ABSOLUTE_MS));
    assert_int_equal(look(two, NOW).kind, SESSION_KIND_ABSENT);
    assert_int_equal(look(one, NOW).kind, SESSION_KIND_ABSENT);
}

static void put_alias(const uint8_t hash[SESSION_HASH_BYTES],
                      const uint8_t successor[SESSION_HASH_BYTES])
{
    struct session_answer a = { .kind = SESSION_KIND_ALIAS, .asked_ms = NOW };
    memcpy(a.successor, successor, SESSION_HASH_BYTES);
    assert_int_equal(session_cache_claim(table, hash, 7, NOW, NOW + 100), SESSION_CLAIM_OURS);
    assert_true(session_cache_fill(table, hash, 7, NOW, IDLE_MS, &a));
}

static void aliases_in_a_circle_lead_nowhere(void **state)
{
    (void)state;
    put_alias(one, two);
    put_alias(two, one);
    assert_int_equal(look(one, NOW).kind, SESSION_KIND_ABSENT);
    assert_true(session_cache_end(table, one, NOW));
}

static void what_is_forgotten_leaves_nothing_though_it_had_expired_before(void **state)
{
    (void)state;
    struct session s = session_of("an");
    put(one, "an");
    assert_int_equal(look(one, NOW + IDLE_MS).kind, SESSION_KIND_NOTHING);
    assert_true(session_cache_put(table, one, NOW + IDLE_MS, IDLE_MS, &s));
    assert_int_equal(look(one, NOW + IDLE_MS).kind, SESSION_KIND_LIVE);
    assert_true(session_cache_forget(table, one));
    assert_int_equal(look(one, NOW + IDLE_MS).kind, SESSION_KIND_NOTHING);
}

/* A table's places follow from all of the hash, which is a digest. */
static void make_hash(uint8_t hash[SESSION_HASH_BYTES], uint8_t number)
{
    for (size_t i = 0; i < SESSION_HASH_BYTES; i++)
        hash[i] = (uint8_t)(number * (2 * i + 37));
}

static void all_sessions_of_a_user_are_forgotten(void **state)
{
    (void)state;
    uint8_t hash[SESSION_HASH_BYTES];
    uint32_t cursor = 0;
    for (uint8_t i = 1; i <= 20; i++) {
        make_hash(hash, i);
        put(hash, i % 2 ? "an" : "anh");
    }
    do
        assert_true(session_cache_forget_user(table, "an", NOW, 0, &cursor, 3));
    while (cursor);
    for (uint8_t i = 1; i <= 20; i++) {
        make_hash(hash, i);
        assert_int_equal(look(hash, NOW).kind, i % 2 ? SESSION_KIND_NOTHING : SESSION_KIND_LIVE);
    }
}

static struct session_answer live(void)
{
    struct session_answer a = { .kind = SESSION_KIND_LIVE, .asked_ms = NOW };
    a.session = session_of("an");
    return a;
}

static void only_one_asks_at_a_time(void **state)
{
    (void)state;
    assert_int_equal(session_cache_claim(table, one, 7, NOW, NOW + 100), SESSION_CLAIM_OURS);
    assert_int_equal(session_cache_claim(table, one, 8, NOW, NOW + 100), SESSION_CLAIM_TAKEN);
    assert_true(look(one, NOW).fetching);
    assert_int_equal(look(one, NOW).kind, SESSION_KIND_PENDING);
    struct session_answer a = live();
    assert_true(session_cache_fill(table, one, 7, NOW + 1, IDLE_MS, &a));
    struct session_copy copy = look(one, NOW + 2);
    assert_int_equal(copy.kind, SESSION_KIND_LIVE);
    assert_true(copy.confirmed_ms == NOW);
    assert_false(copy.fetching);
}

static void who_never_answers_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(session_cache_claim(table, one, 7, NOW, NOW + 100), SESSION_CLAIM_OURS);
    assert_int_equal(session_cache_claim(table, one, 8, NOW + 100, NOW + 200), SESSION_CLAIM_OURS);
    struct session_answer a = live();
    assert_false(session_cache_fill(table, one, 7, NOW + 101, IDLE_MS, &a));
    assert_true(session_cache_fill(table, one, 8, NOW + 101, IDLE_MS, &a));
}

static void an_answer_is_not_kept_when_the_session_changed_meanwhile(void **state)
{
    (void)state;
    struct session_answer a = live();
    assert_int_equal(session_cache_claim(table, one, 7, NOW, NOW + 100), SESSION_CLAIM_OURS);
    assert_true(session_cache_forget(table, one));
    assert_false(session_cache_fill(table, one, 7, NOW, IDLE_MS, &a));
    assert_int_equal(look(one, NOW).kind, SESSION_KIND_NOTHING);
    uint32_t cursor = 0;
    assert_int_equal(session_cache_claim(table, one, 7, NOW, NOW + 100), SESSION_CLAIM_OURS);
    assert_true(session_cache_forget_user(table, "somebody", NOW, 0, &cursor, UINT32_MAX));
    assert_false(session_cache_fill(table, one, 7, NOW, IDLE_MS, &a));
}

static void that_there_is_none_is_remembered_for_a_moment(void **state)
{
    (void)state;
    struct session_answer a = { .kind = SESSION_KIND_ABSENT, .asked_ms = NOW };
    assert_int_equal(session_cache_claim(table, one, 7, NOW, NOW + 100), SESSION_CLAIM_OURS);
    assert_true(session_cache_fill(table, one, 7, NOW, IDLE_MS, &a));
    assert_int_equal(look(one, NOW + 1999).kind, SESSION_KIND_ABSENT);
    assert_int_equal(look(one, NOW + 2000).kind, SESSION_KIND_NOTHING);
}

static void what_is_owed_is_over_and_stays_until_it_is_told(void **state)
{
    (void)state;
    put(one, "an");
    assert_true(session_cache_owe(table, one, NOW, NOW + ABSOLUTE_MS));
    assert_int_equal(look(one, NOW + ABSOLUTE_MS - 1).kind, SESSION_KIND_ABSENT);
    session_cache_told(table, one, SESSION_KIND_LIVE, NOW);
    assert_int_equal(look(one, NOW).kind, SESSION_KIND_ABSENT);
    session_cache_told(table, one, SESSION_KIND_OWED, NOW);
    assert_int_equal(look(one, NOW).kind, SESSION_KIND_NOTHING);
}

static void a_user_can_be_owed_too(void **state)
{
    (void)state;
    uint32_t cursor = 0;
    put(one, "an");
    assert_true(
        session_cache_forget_user(table, "an", NOW, NOW + ABSOLUTE_MS, &cursor, UINT32_MAX));
    assert_int_equal(look(one, NOW + ABSOLUTE_MS - 1).kind, SESSION_KIND_ABSENT);

    uint8_t hash[SESSION_HASH_BYTES];
    session_record_user_hash("an", hash);
    assert_true(session_cache_owe_user(table, "an", 7, NOW, NOW + 10));
    assert_true(session_cache_owe_user(table, "an", 9, NOW, NOW + 10));
    uint64_t count = shm_table_count(table);
    session_cache_user_told(table, hash, 7);
    assert_int_equal(shm_table_count(table), count);
    session_cache_user_told(table, hash, 9);
    assert_int_equal(shm_table_count(table), count - 1);
}

static void a_question_that_fails_leaves_the_copy(void **state)
{
    (void)state;
    struct session_answer a = { .kind = SESSION_KIND_NOTHING, .asked_ms = NOW };
    put(one, "an");
    assert_int_equal(session_cache_claim(table, one, 7, NOW, NOW + 100), SESSION_CLAIM_OURS);
    assert_true(session_cache_fill(table, one, 7, NOW, IDLE_MS, &a));
    struct session_copy copy = look(one, NOW + 1);
    assert_int_equal(copy.kind, SESSION_KIND_LIVE);
    assert_false(copy.fetching);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_put),
        TEST(ends_when_it_is_not_used),
        TEST(use_keeps_it_but_not_for_ever),
        TEST(an_alias_is_followed_while_it_lasts),
        TEST(what_has_ended_is_not_rotated_back),
        TEST(only_one_rotation_gives_it_another_id),
        TEST(what_is_rotated_is_not_missed),
        TEST(what_is_ended_by_its_former_id_ends),
        TEST(aliases_in_a_circle_lead_nowhere),
        TEST(what_is_forgotten_leaves_nothing_though_it_had_expired_before),
        TEST(all_sessions_of_a_user_are_forgotten),
        TEST(only_one_asks_at_a_time),
        TEST(who_never_answers_is_not_waited_for),
        TEST(an_answer_is_not_kept_when_the_session_changed_meanwhile),
        TEST(that_there_is_none_is_remembered_for_a_moment),
        TEST(what_is_owed_is_over_and_stays_until_it_is_told),
        TEST(a_user_can_be_owed_too),
        TEST(a_question_that_fails_leaves_the_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
