#include "observe/metrics.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void counters_add_up_and_gauges_go_both_ways(void **state)
{
    (void)state;
    struct metrics m = { 0 };
    metrics_add(&m, COUNTER_REQUESTS, 1);
    metrics_add(&m, COUNTER_REQUESTS, 41);
    metrics_gauge_increment(&m, GAUGE_CONNECTIONS_OPEN);
    metrics_gauge_increment(&m, GAUGE_CONNECTIONS_OPEN);
    metrics_gauge_decrement(&m, GAUGE_CONNECTIONS_OPEN);
    metrics_gauge_set(&m, GAUGE_CONFIG_GENERATION, 7);

    assert_int_equal(metrics_counter(&m, COUNTER_REQUESTS), 42);
    assert_int_equal(metrics_counter(&m, COUNTER_TUNNELS), 0);
    assert_int_equal(metrics_gauge(&m, GAUGE_CONNECTIONS_OPEN), 1);
    assert_int_equal(metrics_gauge(&m, GAUGE_CONFIG_GENERATION), 7);
}

static void a_reset_takes_the_gauges_and_leaves_the_counters(void **state)
{
    (void)state;
    struct metrics m = { 0 };
    metrics_add(&m, COUNTER_REQUESTS, 3);
    metrics_gauge_increment(&m, GAUGE_REQUESTS_ACTIVE);
    metrics_gauge_set(&m, GAUGE_CONFIG_GENERATION, 7);

    metrics_reset_gauges(&m);
    assert_int_equal(metrics_counter(&m, COUNTER_REQUESTS), 3);
    assert_int_equal(metrics_gauge(&m, GAUGE_REQUESTS_ACTIVE), 0);
    assert_int_equal(metrics_gauge(&m, GAUGE_CONFIG_GENERATION), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_add_up_and_gauges_go_both_ways),
        cmocka_unit_test(a_reset_takes_the_gauges_and_leaves_the_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
