#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void formats_wall_time_for_logs_and_for_http(void **state)
{
    (void)state;
    char iso[CLOCK_ISO_LEN + 1], http[CLOCK_HTTP_LEN + 1];
    clock_format_iso(iso, 784111777089);
    assert_string_equal(iso, "1994-11-06T08:49:37.089Z");
    clock_format_http(http, 784111777089);
    assert_string_equal(http, "Sun, 06 Nov 1994 08:49:37 GMT");
    clock_format_iso(iso, 0);
    assert_string_equal(iso, "1970-01-01T00:00:00.000Z");
}

static void the_monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    uint64_t last = clock_now_us();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_now_us();
        assert_true(now >= last);
        last = now;
    }
}

static void expect_time(const char *text, uint64_t wall_ms)
{
    uint64_t got = 0;
    if (!clock_parse_iso(slice_str(text), &got) || got != wall_ms)
        fail_msg("%s is %llu", text, (unsigned long long)got);
}

static void reads_times_that_operators_write(void **state)
{
    (void)state;
    expect_time("1994-11-06T08:49:37Z", 784111777000);
    expect_time("1994-11-06 08:49:37z", 784111777000);
    expect_time("1994-11-06T15:49:37+07:00", 784111777000);
    expect_time("1994-11-06T15:49:37", 784111777000);
    expect_time("1994-11-06T03:19:37-05:30", 784111777000);
    expect_time("2028-02-29T06:00", 1835391600000);
}

static void refuses_times_that_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = { "",
                                         "2026-11-23",
                                         "2026-11-23T06",
                                         "2026-11-23T06:0",
                                         "2026-11-23T06:00:",
                                         "2026-11-23T06:00+7",
                                         "2026-11-23T06:00+07:0",
                                         "2026-11-23T06:00+24:00",
                                         "2026-11-23T06:00 ",
                                         "2026-11-23T24:00",
                                         "2026-13-01T06:00",
                                         "2026-00-01T06:00",
                                         "2027-02-29T06:00",
                                         "2026-11-31T06:00",
                                         "2026-11-23T06:60",
                                         "0001-01-01T00:00",
                                         "+026-11-23T06:00",
                                         "tomorrow" };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint64_t ignored;
        if (clock_parse_iso(slice_str(texts[i]), &ignored))
            fail_msg("\"%s\" was taken for a time", texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_wall_time_for_logs_and_for_http),
        cmocka_unit_test(the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(reads_times_that_operators_write),
        cmocka_unit_test(refuses_times_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
