#include "pipeline/identity_token.h"

#include "common/digest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW_MS 1700000000500ull

static const uint8_t hash[SESSION_HASH_BYTES] = { 1, 2, 3 };
static struct config_upstream portal = { .name = "portal" }, other = { .name = "other" };
static struct session session = { .uid = "an", .roles = "citizen officer", .level = 2 };
static struct identity_tokens tokens;
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 1 << 20);
    portal.identity_key.data = SLICE("0123456789abcdef0123456789abcdef0123456789");
    other.identity_key.data = SLICE("another key, another key, another key");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    identity_tokens_clear(&tokens);
    arena_fini(&arena);
    return 0;
}

static struct slice get(const struct config_upstream *upstream, uint64_t wall_ms)
{
    return identity_token_get(&tokens, &arena, upstream, &session, hash, wall_ms);
}

static struct slice claims_of(struct slice token)
{
    size_t first = slice_find(token, '.') + 1;
    struct slice rest = slice_from(token, first);
    struct slice part = slice_of(rest.data, slice_find(rest, '.'));
    static char text[1024];
    int len = digest_unbase64(part, text, sizeof(text));
    assert_true(len > 0);
    return slice_of(text, (size_t)len);
}

static void says_who_asks_and_for_how_long(void **state)
{
    (void)state;
    struct slice claims = claims_of(get(&portal, NOW_MS));
    assert_true(
        slice_eq(claims, SLICE("{\"iss\":\"cong\",\"aud\":\"portal\",\"sub\":\"an\",\"sid\":"
                               "\"AQIDAAAAAAAAAAAAAAAAAA\",\"level\":2,\"roles\":\"citizen "
                               "officer\",\"iat\":1700000000,\"exp\":1700000060}")));
}

static void is_signed_with_the_upstreams_key(void **state)
{
    (void)state;
    struct slice token = get(&portal, NOW_MS);
    size_t dot = token.len - DIGEST_BASE64_LEN(DIGEST_BYTES) - 1;
    uint8_t mac[DIGEST_BYTES], good[DIGEST_BYTES];
    struct slice part = slice_of(token.data, dot);
    digest_hmac_any(portal.identity_key.data, &part, 1, good);
    assert_int_equal(digest_unbase64(slice_from(token, dot + 1), mac, sizeof(mac)), sizeof(mac));
    assert_memory_equal(mac, good, sizeof(good));
}

static void is_used_again_for_a_while_and_for_nobody_else(void **state)
{
    (void)state;
    struct slice first = get(&portal, NOW_MS);
    assert_true(slice_eq(first, get(&portal, NOW_MS + 19000)));
    assert_false(slice_eq(first, get(&portal, NOW_MS + 20000)));
    assert_false(slice_eq(get(&portal, NOW_MS), get(&other, NOW_MS)));
    first = get(&portal, NOW_MS);
    session.revision++;
    session.level = 3;
    assert_false(slice_eq(first, get(&portal, NOW_MS)));
}

static void the_longest_has_room(void **state)
{
    (void)state;
    static char name[65];
    struct config_upstream longest = { .name = name, .identity_key = portal.identity_key };
    memset(name, 'n', sizeof(name) - 1);
    memset(session.uid, 'u', SESSION_UID_MAX);
    memset(session.roles, 'r', SESSION_ROLES_MAX);
    session.level = UINT8_MAX;
    assert_true(get(&longest, NOW_MS).len > 0);
}

static void what_is_too_long_when_escaped_has_none(void **state)
{
    (void)state;
    memset(session.uid, '\1', SESSION_UID_MAX);
    memset(session.roles, '\1', SESSION_ROLES_MAX);
    assert_null(get(&portal, NOW_MS).data);
    assert_null(get(&portal, NOW_MS).data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_who_asks_and_for_how_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_signed_with_the_upstreams_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_used_again_for_a_while_and_for_nobody_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_longest_has_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_long_when_escaped_has_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
