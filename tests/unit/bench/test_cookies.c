#include "bench/load/cookies.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char *cookies;

static int tear_down(void **state)
{
    (void)state;
    cookies_clear(&cookies);
    return 0;
}

static void set(const char *value)
{
    cookies_set(&cookies, slice_str(value));
}

static void keeps_name_and_value_without_the_attributes(void **state)
{
    (void)state;
    set("phien=4f2a; Path=/; HttpOnly; Secure");
    assert_string_equal(cookies, "phien=4f2a");
}

static void keeps_several_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    set("phien=4f2a");
    set(" lang = vi ;Max-Age=3600");
    assert_string_equal(cookies, "phien=4f2a; lang = vi");
}

static void a_new_value_replaces_the_old_one(void **state)
{
    (void)state;
    set("phien=1");
    set("a=2");
    set("phien=3");
    assert_string_equal(cookies, "a=2; phien=3");
}

static void a_name_that_begins_alike_is_another_cookie(void **state)
{
    (void)state;
    set("phien=1");
    set("phien2=2");
    assert_string_equal(cookies, "phien=1; phien2=2");
}

static void an_expired_cookie_goes(void **state)
{
    (void)state;
    set("phien=1");
    set("a=2");
    set("phien=gone; max-age=0");
    assert_string_equal(cookies, "a=2");
    set("a=");
    assert_null(cookies);
}

static void what_has_no_name_is_not_kept(void **state)
{
    (void)state;
    set("");
    set("=value");
    set("; Path=/");
    assert_null(cookies);
}

static void what_is_too_much_is_not_kept(void **state)
{
    (void)state;
    static char large[COOKIES_BYTES + 10];
    memset(large, 'x', sizeof(large) - 1);
    large[1] = '=';
    set("phien=1");
    set(large);
    assert_string_equal(cookies, "phien=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(keeps_name_and_value_without_the_attributes, tear_down),
        cmocka_unit_test_teardown(keeps_several_in_the_order_in_which_they_came, tear_down),
        cmocka_unit_test_teardown(a_new_value_replaces_the_old_one, tear_down),
        cmocka_unit_test_teardown(a_name_that_begins_alike_is_another_cookie, tear_down),
        cmocka_unit_test_teardown(an_expired_cookie_goes, tear_down),
        cmocka_unit_test_teardown(what_has_no_name_is_not_kept, tear_down),
        cmocka_unit_test_teardown(what_is_too_much_is_not_kept, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
