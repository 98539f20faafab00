#include "pipeline/session_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct session_order parse(const char *text)
{
    struct session_order o;
    if (!session_order_parse(&o, slice_str(text)))
        fail_msg("refused: %s", text);
    return o;
}

static void expect(struct slice got, const char *wanted)
{
    if (!slice_eq(got, slice_str(wanted)))
        fail_msg("'%.*s', expected '%s'", SLICE_ARG(got), wanted);
}

static void reads_a_new_session(void **state)
{
    (void)state;
    struct session_order o = parse("create; uid=079085001234; level=2; roles=\"citizen officer\"");
    assert_int_equal(o.verb, SESSION_CREATE);
    expect(o.uid, "079085001234");
    expect(o.roles, "citizen officer");
    assert_int_equal(o.level, 2);
}

static void level_and_roles_may_be_left_out(void **state)
{
    (void)state;
    struct session_order o = parse("Create;UID=a@b.vn");
    assert_int_equal(o.level, 1);
    assert_false(o.has_level);
    assert_null(o.roles.data);
}

static void reads_the_other_orders(void **state)
{
    (void)state;
    assert_int_equal(parse("rotate").verb, SESSION_ROTATE);
    assert_int_equal(parse("rotate; level=3; roles=\"\"").level, 3);
    assert_int_equal(parse("revoke").verb, SESSION_REVOKE);
    assert_int_equal(parse("revoke-user; uid=\"7\"").verb, SESSION_REVOKE_USER);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "destroy",
        "create",
        "create;",
        "create; uid",
        "create; uid=",
        "create; uid=\"\"",
        "create; uid=\"a",
        "create; uid=a b",
        "create; uid=\"a b\"",
        "create; uid=a\"b",
        "create; uid=a; uid=b",
        "create; uid=a; level=256",
        "create; uid=a; level=-1",
        "create; uid=a; level=1; level=2",
        "create; uid=a; roles=\"x;y\"",
        "create; uid=a; roles=\"x\"; roles=\"y\"",
        "create; uid=a; admin=1",
        "create uid=a",
        "rotate; uid=a",
        "revoke; uid=a",
        "revoke; level=1",
        "revoke-user",
        "revoke-user; uid=a; level=1",
        "create; uid=\xc3\xa1",
    };
    struct session_order o;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (session_order_parse(&o, slice_str(wrong[i])))
            fail_msg("accepted: %s", wrong[i]);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct session_order o;
    char text[256];
    snprintf(text, sizeof(text), "create; uid=%0*d", SESSION_UID_MAX, 7);
    assert_true(session_order_parse(&o, slice_str(text)));
    snprintf(text, sizeof(text), "create; uid=%0*d", SESSION_UID_MAX + 1, 7);
    assert_false(session_order_parse(&o, slice_str(text)));
    snprintf(text, sizeof(text), "create; uid=a; roles=%0*d", SESSION_ROLES_MAX + 1, 7);
    assert_false(session_order_parse(&o, slice_str(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_new_session),
        cmocka_unit_test(level_and_roles_may_be_left_out),
        cmocka_unit_test(reads_the_other_orders),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
