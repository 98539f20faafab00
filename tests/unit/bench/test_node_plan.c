#include "bench/node/node_plan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct node_plan plan;
static struct err problem;

static int set_up(void **state)
{
    (void)state;
    node_plan_reset(&plan);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_plan_fini(&plan);
    return 0;
}

static int read_plan(const char *query)
{
    return node_plan_read(&plan, slice_str(query), &problem);
}

static void asks_for_nothing_by_itself(void **state)
{
    (void)state;
    assert_int_equal(read_plan(""), 0);
    assert_true(plan.delay_ms == NODE_PLAN_UNSET);
    assert_true(plan.status == NODE_PLAN_UNSET);
    assert_true(plan.bytes == NODE_PLAN_UNSET);
    assert_int_equal(plan.close, NODE_CLOSE_NEVER);
    assert_int_equal(plan.headers.len, 0);
}

static void reads_every_parameter(void **state)
{
    (void)state;
    assert_int_equal(read_plan("delay=2s&status=503&bytes=64KiB&chunked=1&close=mid-chunk&hang=1"
                               "&interim=103&trailer=1&rate=1000&expect=417&count=3&interval=5ms"
                               "&body=1"),
                     0);
    assert_int_equal(plan.delay_ms, 2000);
    assert_int_equal(plan.status, 503);
    assert_int_equal(plan.bytes, 65536);
    assert_int_equal(plan.chunked, 1);
    assert_int_equal(plan.close, NODE_CLOSE_MID_CHUNK);
    assert_int_equal(plan.hang, 1);
    assert_int_equal(plan.interim, 103);
    assert_int_equal(plan.trailer, 1);
    assert_int_equal(plan.rate, 1000);
    assert_int_equal(plan.expect, 417);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.interval_ms, 5);
    assert_int_equal(plan.echo_body, 1);
}

static void ignores_parameters_that_are_not_its_own(void **state)
{
    (void)state;
    assert_int_equal(read_plan("page=2&&q=status=503&delays=x&=&flag"), 0);
    assert_true(plan.status == NODE_PLAN_UNSET);
}

static void gathers_headers_as_they_are(void **state)
{
    (void)state;
    assert_int_equal(read_plan("header=A:%201&header=B:2%0d%0aC%3a3&header=%zz%4"), 0);
    assert_true(slice_eq(buf_slice(&plan.headers), SLICE("A: 1\r\nB:2\r\nC:3\r\n%zz%4\r\n")));
}

static void refuses_values_that_make_no_sense(void **state)
{
    static const char *const queries[] = {
        "status=abc", "status=199", "status=1000", "delay=20",   "delay=2h",   "bytes=1kb",
        "chunked=2",  "close=soon", "interim=101", "expect=200", "rate=0",     "hang=yes",
        "count=-1",   "interval=1", "bytes=",      "close=",     "trailer=on",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(queries); i++)
        if (read_plan(queries[i]) >= 0)
            fail_msg("%s was taken", queries[i]);
}

static void says_which_parameter_makes_no_sense(void **state)
{
    (void)state;
    assert_true(read_plan("status=200&delay=20") < 0);
    assert_non_null(strstr(problem.text, "delay: "));
}

static void forgets_the_request_before(void **state)
{
    (void)state;
    assert_int_equal(read_plan("status=503&header=A:1&close=head"), 0);
    node_plan_reset(&plan);
    asks_for_nothing_by_itself(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_for_nothing_by_itself),
        TEST(reads_every_parameter),
        TEST(ignores_parameters_that_are_not_its_own),
        TEST(gathers_headers_as_they_are),
        TEST(refuses_values_that_make_no_sense),
        TEST(says_which_parameter_makes_no_sense),
        TEST(forgets_the_request_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
