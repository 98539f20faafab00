#include "http/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct headers headers;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ 0 };
    arena_init(&f.arena, NULL, 1 << 20);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_fini(&f->arena);
    return 0;
}

static void add(struct fixture *f, const char *value)
{
    assert_true(headers_add(&f->headers, &f->arena, SLICE("cookie"), slice_str(value)));
}

static void expect(struct slice got, const char *wanted)
{
    if (!slice_eq(got, slice_str(wanted)))
        fail_msg("'%.*s', expected '%s'", SLICE_ARG(got), wanted);
}

static struct slice take(struct fixture *f, const char *name)
{
    struct slice value;
    assert_true(cookie_take(&f->headers, &f->arena, slice_str(name), &value));
    return value;
}

static struct slice left(const struct fixture *f, size_t index)
{
    return header_value(&f->headers.items[index]);
}

static void takes_a_cookie_from_wherever_it_stands(void **state)
{
    struct fixture *f = *state;
    add(f, "a=1; sid=x.y=z ;b");
    add(f, " other=2;empty=");
    expect(take(f, "sid"), "x.y=z");
    expect(left(f, 0), "a=1; b");
    expect(take(f, "a"), "1");
    expect(left(f, 0), "b");
    expect(take(f, "other"), "2");
    assert_non_null(take(f, "empty").data);
    expect(left(f, 1), "");
}

static void names_are_compared_whole_and_with_case(void **state)
{
    struct fixture *f = *state;
    add(f, "xsid=1; SID=2; sid2=3; sid; a=sid=4; sid");
    assert_null(take(f, "sid").data);
    expect(left(f, 0), "xsid=1; SID=2; sid2=3; sid; a=sid=4; sid");
}

static void the_first_of_several_counts_and_all_are_taken(void **state)
{
    struct fixture *f = *state;
    add(f, "sid=1; a=1;;  b=2 ; sid=2");
    add(f, "c=\"3; d\"; sid=3; e=5");
    expect(take(f, "sid"), "1");
    expect(left(f, 0), "a=1;;  b=2");
    expect(left(f, 1), "c=\"3; d\"; e=5");
    assert_int_equal(f->headers.items[0].flags & HEADER_OURS, 0);
}

static void a_field_with_nothing_else_is_not_forwarded(void **state)
{
    struct fixture *f = *state;
    add(f, " sid=1 ");
    expect(take(f, "sid"), "1");
    assert_int_not_equal(f->headers.items[0].flags & HEADER_OURS, 0);
}

static void odd_fields_do_no_harm(void **state)
{
    struct fixture *f = *state;
    static const char *const odd[] = { "", ";", " ; ;", "=", "sid", "si", ";sid=", "sid=;", " " };
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        add(f, odd[i]);
    expect(take(f, "sid"), "");
    assert_null(take(f, "sid").data);
}

static void a_cookie_can_be_read_and_left(void **state)
{
    struct fixture *f = *state;
    add(f, "a=1");
    add(f, "province= 01 ; b");
    add(f, "province=02");
    expect(cookie_find(&f->headers, SLICE("province")), "01");
    assert_null(cookie_find(&f->headers, SLICE("PROVINCE")).data);
    assert_null(cookie_find(&f->headers, SLICE("b")).data);
    expect(left(f, 1), "province= 01 ; b");
}

static void nobody_else_sets_it(void **state)
{
    struct fixture *f = *state;
    static const char *const values[] = { "sid=1", " sid =1; Path=/", "sid2=1", "a=sid=1", "SID=1",
                                          "sid",   "sid;a=1",         "" };
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        assert_true(headers_add(&f->headers, &f->arena, SLICE("Set-Cookie"), slice_str(values[i])));
    add(f, "sid=1");
    cookie_unset(&f->headers, SLICE("sid"));
    assert_int_equal(f->headers.count, ARRAY_LEN(values) - 2 + 1);
    expect(left(f, 0), "sid2=1");
    expect(left(f, 6), "sid=1");
}

static void sets_and_removes(void **state)
{
    struct fixture *f = *state;
    assert_true(cookie_set(&f->headers, &f->arena, SLICE("sid"), SLICE("v")));
    assert_true(cookie_set(&f->headers, &f->arena, SLICE("sid"), SLICE("")));
    expect(header_value(&f->headers.items[0]), "sid=v; Path=/; Secure; HttpOnly; SameSite=Lax");
    expect(header_value(&f->headers.items[1]),
           "sid=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_a_cookie_from_wherever_it_stands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_compared_whole_and_with_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_of_several_counts_and_all_are_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_field_with_nothing_else_is_not_forwarded, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(odd_fields_do_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cookie_can_be_read_and_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_else_sets_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sets_and_removes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
