#include "observe/series.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_request_is_counted_by_class_with_bytes_and_latency(void **state)
{
    (void)state;
    struct series_counts counts = { 0 };
    struct histogram latency = { 0 };
    struct series s = { &counts, &latency };
    series_record(s, series_class_of(204), 10, 20, 1000);
    series_record(s, series_class_of(299), 1, 2, 3000);
    series_record(s, SERIES_ABORTED, 0, 5, 500);

    assert_int_equal(counts.by_class[SERIES_2XX], 2);
    assert_int_equal(counts.by_class[SERIES_ABORTED], 1);
    assert_int_equal(counts.bytes_in, 11);
    assert_int_equal(counts.bytes_out, 27);
    assert_int_equal(histogram_count(&latency), 3);
    assert_int_equal(latency.sum_us, 4500);
}

static void the_life_of_a_tunnel_is_no_latency(void **state)
{
    (void)state;
    struct series_counts counts = { 0 };
    struct histogram latency = { 0 };
    series_record((struct series){ &counts, &latency }, series_class_of(101), 1, 1, 60000000);
    assert_int_equal(counts.by_class[SERIES_1XX], 1);
    assert_int_equal(histogram_count(&latency), 0);
}

static void statuses_out_of_range_count_as_failures(void **state)
{
    (void)state;
    assert_int_equal(series_class_of(100), SERIES_1XX);
    assert_int_equal(series_class_of(599), SERIES_5XX);
    assert_int_equal(series_class_of(99), SERIES_5XX);
    assert_int_equal(series_class_of(600), SERIES_5XX);
    assert_int_equal(series_class_of(0), SERIES_5XX);
}

static void requests_in_flight_never_fall_below_zero(void **state)
{
    (void)state;
    struct series_peer_counts counts = { 0 };
    _Atomic uint32_t in_flight = 0;
    struct series_peer p = { &counts, &in_flight };
    series_peer_begin(p);
    series_peer_begin(p);
    assert_int_equal(in_flight, 2);
    series_peer_end(p);
    series_peer_end(p);
    series_peer_end(p);
    assert_int_equal(in_flight, 0);
    assert_int_equal(counts.by_event[SERIES_PEER_REQUEST], 2);
}

static void a_series_without_a_place_takes_everything(void **state)
{
    (void)state;
    series_record((struct series){ NULL, NULL }, SERIES_2XX, 1, 1, 1);
    struct series_peer nowhere = { NULL, NULL };
    series_peer_begin(nowhere);
    series_peer_count(nowhere, SERIES_PEER_FAILURE);
    series_peer_end(nowhere);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_counted_by_class_with_bytes_and_latency),
        cmocka_unit_test(the_life_of_a_tunnel_is_no_latency),
        cmocka_unit_test(statuses_out_of_range_count_as_failures),
        cmocka_unit_test(requests_in_flight_never_fall_below_zero),
        cmocka_unit_test(a_series_without_a_place_takes_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
