#include "http/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct arena arena;
static struct headers headers;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 64 * 1024);
    headers = (struct headers){ 0 };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void add(const char *name, const char *value)
{
    assert_true(headers_add(&headers, &arena, slice_str(name), slice_str(value)));
}

static void knows_names_in_any_case(void **state)
{
    (void)state;
    add("CONTENT-length", "1");
    add("content-lengthy", "2");
    add("Te", "trailers");
    assert_int_equal(headers.items[0].id, HEADER_CONTENT_LENGTH);
    assert_int_equal(headers.items[1].id, HEADER_UNKNOWN);
    assert_int_equal(headers.items[2].id, HEADER_TE);
    assert_true(headers.items[2].flags & HEADER_HOP);
}

static void names_of_our_own_are_ours_with_or_without_a_row(void **state)
{
    (void)state;
    add("X-Cong-Session", "revoke");
    add("x-CONG-Identity", "me");
    add("X-Cong", "1");
    add("X-Congo-River", "2");
    assert_int_equal(headers.items[0].id, HEADER_X_CONG_SESSION);
    assert_true(headers.items[0].flags & HEADER_OURS);
    assert_int_equal(headers.items[1].id, HEADER_UNKNOWN);
    assert_int_equal(headers.items[1].flags, HEADER_OURS | HEADER_NO_TRAILER);
    assert_int_equal(headers.items[2].flags, 0);
    assert_int_equal(headers.items[3].flags, 0);
}

static void removes_all_fields_of_a_name(void **state)
{
    (void)state;
    add("Set-Cookie", "a");
    add("X", "1");
    add("set-cookie", "b");
    headers_remove(&headers, SLICE("SET-COOKIE"));
    assert_int_equal(headers.count, 1);
    assert_true(slice_eq(header_value(&headers.items[0]), SLICE("1")));
}

static void finds_tokens_in_lists_over_several_fields(void **state)
{
    (void)state;
    add("Connection", "keep-alive , X-A");
    add("Connection", "Upgrade");
    assert_true(headers_list_has(&headers, HEADER_CONNECTION, SLICE("upgrade")));
    assert_true(headers_list_has(&headers, HEADER_CONNECTION, SLICE("x-a")));
    assert_false(headers_list_has(&headers, HEADER_CONNECTION, SLICE("x")));
}

static void finds_the_first_of_a_name_in_any_case(void **state)
{
    (void)state;
    add("X-Province", "01");
    add("x-province", "02");
    assert_true(slice_eq(headers_value_named(&headers, SLICE("x-PROVINCE")), SLICE("01")));
    assert_null(headers_value_named(&headers, SLICE("X-Provinc")).data);
}

static void keep_alive_says_how_long(void **state)
{
    static const struct {
        const char *value;
        uint32_t seconds;
    } cases[] = {
        { "timeout=5", 5 },           { "max=100, Timeout=0", 0 },
        { "timeout=7,timeout=6", 6 }, { "timeout=99999999999", UINT32_MAX },
        { "timeout", UINT32_MAX },    { "timeout=", UINT32_MAX },
        { "timeout=-5", UINT32_MAX }, { "timeout = 5", UINT32_MAX },
        { "max=5", UINT32_MAX },      { "", UINT32_MAX },
    };
    (void)state;
    assert_int_equal(headers_keep_alive_s(&headers), UINT32_MAX);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        headers.count = 0;
        add("Keep-Alive", cases[i].value);
        assert_int_equal(headers_keep_alive_s(&headers), cases[i].seconds);
    }
    add("keep-alive", "timeout=3");
    assert_int_equal(headers_keep_alive_s(&headers), 3);
}

static void grows_and_keeps_its_order(void **state)
{
    (void)state;
    char names[100][16];
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i);
        add(names[i], "v");
    }
    for (int i = 0; i < 100; i++)
        assert_true(slice_eq(header_name(&headers.items[i]), slice_str(names[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(knows_names_in_any_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_of_our_own_are_ours_with_or_without_a_row, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(removes_all_fields_of_a_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_tokens_in_lists_over_several_fields, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(finds_the_first_of_a_name_in_any_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keep_alive_says_how_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(grows_and_keeps_its_order, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
