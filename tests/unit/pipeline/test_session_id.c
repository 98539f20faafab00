#include "pipeline/session_id.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DAY_MS (24ull * 60 * 60 * 1000)
#define NOW (20500 * DAY_MS + 5000)

static const uint8_t secret[32] = "one of thirty-two bytes for test";

struct minted {
    char text[SESSION_ID_TEXT_MAX];
    size_t len;
    uint8_t hash[SESSION_HASH_BYTES];
};

static struct minted mint(struct session_keys *k, uint64_t now)
{
    struct minted m;
    m.len = session_id_mint(k, now, m.text, m.hash);
    return m;
}

static bool check(struct session_keys *k, const struct minted *m, uint64_t now)
{
    uint8_t hash[SESSION_HASH_BYTES];
    if (!session_id_check(k, slice_of(m->text, m->len), now, hash))
        return false;
    assert_memory_equal(hash, m->hash, sizeof(hash));
    return true;
}

static void another_node_knows_what_this_one_minted(void **state)
{
    (void)state;
    struct session_keys here, there;
    session_keys_init(&here, secret, DAY_MS / 2);
    session_keys_init(&there, secret, DAY_MS / 2);
    struct minted m = mint(&here, NOW), other = mint(&here, NOW);
    assert_true(check(&there, &m, NOW));
    assert_memory_not_equal(m.hash, other.hash, sizeof(m.hash));
    session_keys_fini(&here);
    session_keys_fini(&there);
}

static void another_secret_makes_other_ids(void **state)
{
    (void)state;
    struct session_keys here, there;
    session_keys_init(&here, secret, DAY_MS);
    session_keys_init(&there, (const uint8_t *)"another one, of as many bytes!!!", DAY_MS);
    struct minted m = mint(&here, NOW);
    assert_false(check(&there, &m, NOW));
    session_keys_fini(&here);
    session_keys_fini(&there);
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    struct session_keys k;
    session_keys_init(&k, secret, DAY_MS);
    struct minted m = mint(&k, NOW);
    assert_true(check(&k, &m, NOW)); /* from now on it is remembered */
    for (size_t i = 0; i < m.len; i++) {
        struct minted changed = m;
        changed.text[i] = changed.text[i] == '1' ? '2' : '1';
        if (changed.text[i] != m.text[i])
            assert_false(check(&k, &changed, NOW));
    }
    for (size_t len = 0; len < m.len; len++) {
        struct minted shorter = m;
        shorter.len = len;
        assert_false(check(&k, &shorter, NOW));
    }
    assert_true(check(&k, &m, NOW));
    session_keys_fini(&k);
}

static void a_zero_before_the_day_makes_it_another_text(void **state)
{
    (void)state;
    struct session_keys k;
    session_keys_init(&k, secret, DAY_MS);
    struct minted m = mint(&k, NOW), longer = m;
    assert_true(check(&k, &m, NOW));
    longer.text[0] = '0';
    memcpy(longer.text + 1, m.text, MIN(m.len, sizeof(m.text) - 1));
    longer.len = m.len + 1;
    assert_false(check(&k, &longer, NOW));
    session_keys_fini(&k);
}

static void ids_are_good_for_their_lifetime(void **state)
{
    (void)state;
    struct session_keys k;
    session_keys_init(&k, secret, DAY_MS / 2);
    struct minted m = mint(&k, NOW);
    assert_true(check(&k, &m, NOW + DAY_MS / 2));
    assert_true(check(&k, &m, NOW));
    assert_true(check(&k, &m, NOW - DAY_MS)); /* a clock that is behind */
    assert_false(check(&k, &m, NOW - 2 * DAY_MS));
    assert_false(check(&k, &m, NOW + 3 * DAY_MS));
    session_keys_fini(&k);
}

static void keys_of_many_days_do_not_mix(void **state)
{
    (void)state;
    struct session_keys k;
    session_keys_init(&k, secret, 30 * DAY_MS);
    struct minted m[SESSION_ID_DAYS_MAX * 2];
    for (size_t i = 0; i < ARRAY_LEN(m); i++)
        m[i] = mint(&k, NOW + i * DAY_MS);
    for (size_t i = 0; i < ARRAY_LEN(m); i++)
        assert_true(check(&k, &m[i], NOW + i * DAY_MS));
    session_keys_fini(&k);
}

static void many_more_ids_than_are_remembered_are_all_good(void **state)
{
    (void)state;
    struct session_keys k;
    static struct minted m[20000];
    session_keys_init(&k, secret, DAY_MS);
    for (size_t i = 0; i < ARRAY_LEN(m); i++)
        m[i] = mint(&k, NOW);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < ARRAY_LEN(m); i++)
            assert_true(check(&k, &m[i], NOW));
    session_keys_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_node_knows_what_this_one_minted),
        cmocka_unit_test(another_secret_makes_other_ids),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(a_zero_before_the_day_makes_it_another_text),
        cmocka_unit_test(ids_are_good_for_their_lifetime),
        cmocka_unit_test(keys_of_many_days_do_not_mix),
        cmocka_unit_test(many_more_ids_than_are_remembered_are_all_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
