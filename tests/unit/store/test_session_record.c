#include "store/session_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW 1000000

static const uint8_t hash[SESSION_HASH_BYTES] = { 0, 1, 0xfe, 0xff };

static struct session largest(void)
{
    struct session s = {
        .level = UINT8_MAX,
        .revision = UINT32_MAX,
        .created_ms = UINT64_MAX,
        .absolute_ms = UINT64_MAX,
        .affinity = UINT64_MAX,
        .user_stamp = UINT64_MAX,
    };
    memset(s.uid, 'u', SESSION_UID_MAX);
    memset(s.roles, 'r', SESSION_ROLES_MAX);
    s.roles[5] = ' ';
    return s;
}

static enum session_kind read_back(const char *text, struct session *s)
{
    uint8_t successor[SESSION_HASH_BYTES];
    return session_record_read(slice_str(text), NOW, s, successor);
}

static void the_largest_session_comes_back(void **state)
{
    (void)state;
    char text[SESSION_TEXT_MAX];
    uint8_t successor[SESSION_HASH_BYTES];
    struct session in = largest(), out;
    struct slice line = session_record_write(&in, text);
    assert_int_equal(session_record_read(line, NOW, &out, successor), SESSION_KIND_LIVE);
    assert_string_equal(out.uid, in.uid);
    assert_string_equal(out.roles, in.roles);
    assert_int_equal(out.level, in.level);
    assert_int_equal(out.revision, in.revision);
    assert_true(out.created_ms == in.created_ms && out.absolute_ms == in.absolute_ms);
    assert_true(out.affinity == in.affinity && out.user_stamp == in.user_stamp);
}

static void a_session_may_have_no_roles(void **state)
{
    (void)state;
    struct session s;
    assert_int_equal(read_back("L 1 1 5 2000000 7 0 an ", &s), SESSION_KIND_LIVE);
    assert_string_equal(s.uid, "an");
    assert_string_equal(s.roles, "");
}

static void what_is_over_is_absent(void **state)
{
    (void)state;
    struct session s;
    assert_int_equal(read_back("L 1 1 5 1000000 7 0 an ", &s), SESSION_KIND_ABSENT);
    assert_int_equal(read_back("X", &s), SESSION_KIND_ABSENT);
    assert_int_equal(read_back("A 1000000 0001feff000000000000000000000000", &s),
                     SESSION_KIND_ABSENT);
}

static void an_alias_leads_to_its_successor(void **state)
{
    (void)state;
    char text[SESSION_TEXT_MAX];
    uint8_t successor[SESSION_HASH_BYTES];
    struct session s;
    struct slice line = session_record_write_alias(hash, NOW + 1, text);
    assert_int_equal(session_record_read(line, NOW, &s, successor), SESSION_KIND_ALIAS);
    assert_memory_equal(successor, hash, sizeof(hash));
}

static void what_is_not_ours_is_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "L",
        "M 1 1 5 2000000 7 0 an ",
        "L 256 1 5 2000000 7 0 an ",
        "L 1 4294967296 5 2000000 7 0 an ",
        "L 1 1 5 2000000 7 -1 an ",
        "L 1 1 5 2000000 7 0  roles",
        "L 1 1 5 2000000 7 0",
        "L 1 1 5 2000000 7 0 a\"n ",
        "L 1 1 5 2000000 7 0 an citizen\x01",
        "L 1 1 5 2000000 7 0 an c\xc3\xb4ng",
        "A 2000000 0001feff",
        "A 2000000 0001FEFF000000000000000000000000",
        "A x 0001feff000000000000000000000000",
    };
    struct session s;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (read_back(wrong[i], &s) != SESSION_KIND_NOTHING)
            fail_msg("accepted: %s", wrong[i]);
    char text[512];
    snprintf(text, sizeof(text), "L 1 1 5 2000000 7 0 %0*d ", SESSION_UID_MAX + 1, 1);
    assert_int_equal(read_back(text, &s), SESSION_KIND_NOTHING);
    snprintf(text, sizeof(text), "L 1 1 5 2000000 7 0 an %0*d", SESSION_ROLES_MAX + 1, 1);
    assert_int_equal(read_back(text, &s), SESSION_KIND_NOTHING);
}

static void names_have_a_tag_of_their_own(void **state)
{
    (void)state;
    char name[SESSION_KEY_MAX], other[SESSION_KEY_MAX];
    struct slice session = session_record_name(hash, name);
    assert_true(slice_eq(session, SLICE("cong:{s:0001feff000000000000000000000000}")));
    struct slice user = session_record_user_name(hash, other);
    assert_true(slice_starts_with(user, SLICE("cong:{u:")));
    assert_int_equal(user.len, session.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_session_comes_back),
        cmocka_unit_test(a_session_may_have_no_roles),
        cmocka_unit_test(what_is_over_is_absent),
        cmocka_unit_test(an_alias_leads_to_its_successor),
        cmocka_unit_test(what_is_not_ours_is_nothing),
        cmocka_unit_test(names_have_a_tag_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
