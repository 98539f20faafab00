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

static void finds_a_cookie_wherever_it_stands(void **state)
{
    struct fixture *f = *state;
    add(f, "a=1; sid=x.y=z ;b");
    add(f, " other=2;empty=");
    expect(cookie_find(&f->headers, SLICE("a")), "1");
    expect(cookie_find(&f->headers, SLICE("sid")), "x.y=z");
    expect(cookie_find(&f->headers, SLICE("other")), "2");
    assert_non_null(cookie_find(&f->headers, SLICE("empty")).data);
    assert_int_equal(cookie_find(&f->headers, SLICE("empty")).len, 0);
}

static void names_are_compared_whole_and_with_case(void **state)
{
    struct fixture *f = *state;
    add(f, "xsid=1; SID=2; sid2=3; sid");
    assert_null(cookie_find(&f->headers, SLICE("sid")).data);
}

static void the_first_of_two_counts(void **state)
{
    struct fixture *f = *state;
    add(f, "sid=1; sid=2");
    expect(cookie_find(&f->headers, SLICE("sid")), "1");
}

static void strips_every_cookie_of_the_name_and_keeps_the_others(void **state)
{
    struct fixture *f = *state;
    add(f, "sid=1; a=1;;  b=2 ; sid=2");
    add(f, "c=\"3; d\"");
    assert_true(cookie_strip(&f->headers, &f->arena, SLICE("sid")));
    expect(header_value(&f->headers.items[0]), "a=1; b=2");
    expect(header_value(&f->headers.items[1]), "c=\"3; d\"");
    assert_int_equal(f->headers.items[0].flags & HEADER_OURS, 0);
}

static void a_field_with_nothing_else_is_not_forwarded(void **state)
{
    struct fixture *f = *state;
    add(f, " sid=1 ");
    assert_true(cookie_strip(&f->headers, &f->arena, SLICE("sid")));
    assert_int_not_equal(f->headers.items[0].flags & HEADER_OURS, 0);
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
        cmocka_unit_test_setup_teardown(finds_a_cookie_wherever_it_stands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_compared_whole_and_with_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_of_two_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strips_every_cookie_of_the_name_and_keeps_the_others,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_field_with_nothing_else_is_not_forwarded, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sets_and_removes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
