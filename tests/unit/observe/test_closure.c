#include "observe/closure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct closure_view closed = {
    .cause = CLOSURE_OPERATOR, .since_ms = 5, .until_ms = 9, .message = "Nâng cấp"
};

static void an_upstream_is_open_until_it_is_closed(void **state)
{
    (void)state;
    struct closure c = { 0 };
    struct closure_view v;
    assert_false(closure_is_set(&c));
    assert_false(closure_read(&c, &v));
    closure_set(&c, &closed);
    assert_true(closure_is_set(&c));
    assert_true(closure_read(&c, &v));
    assert_int_equal(v.cause, CLOSURE_OPERATOR);
    assert_int_equal(v.since_ms, 5);
    assert_int_equal(v.until_ms, 9);
    assert_string_equal(v.message, "Nâng cấp");
    closure_clear(&c);
    assert_false(closure_is_set(&c));
    assert_false(closure_read(&c, &v));
}

static void what_does_not_change_is_not_written(void **state)
{
    (void)state;
    struct closure c = { 0 };
    closure_clear(&c);
    assert_int_equal(c.turn, 0);
    closure_set(&c, &closed);
    uint64_t turn = c.turn;
    closure_set(&c, &closed);
    assert_int_equal(c.turn, turn);
}

static void who_died_while_writing_leaves_it_closed_without_a_message(void **state)
{
    (void)state;
    struct closure c = { 0 };
    struct closure_view v;
    closure_set(&c, &closed);
    c.turn++;
    assert_true(closure_read(&c, &v));
    assert_string_equal(v.message, "");
    assert_int_equal(v.until_ms, 0);
    struct closure_view other = closed;
    other.until_ms = 10;
    closure_set(&c, &other);
    assert_true(closure_read(&c, &v));
    assert_int_equal(v.until_ms, 10);
}

static void a_message_that_somebody_spoiled_still_ends(void **state)
{
    (void)state;
    struct closure c = { .cause = 77 };
    struct closure_view v;
    memset(c.message, 'x', sizeof(c.message));
    assert_true(closure_read(&c, &v));
    assert_int_equal(strlen(v.message), CLOSURE_MESSAGE_BYTES);
    assert_non_null(closure_cause_name(v.cause));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upstream_is_open_until_it_is_closed),
        cmocka_unit_test(what_does_not_change_is_not_written),
        cmocka_unit_test(who_died_while_writing_leaves_it_closed_without_a_message),
        cmocka_unit_test(a_message_that_somebody_spoiled_still_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
