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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_wall_time_for_logs_and_for_http),
        cmocka_unit_test(the_monotonic_clock_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
