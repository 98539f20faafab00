#include "http/send_pace.h"

#include "fakes/fake_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct config_timeouts timeouts = { .send_ms = 60000, .min_send_rate = 200 };
static struct fake_stream stream;

static void who_takes_nothing_has_the_time_of_a_pause(void **state)
{
    (void)state;
    struct send_pace p;
    stream.acknowledged = 12345;
    uint32_t ms = send_pace_begin(&p, &timeouts);
    ms += send_pace_look(&p, &stream.base, &timeouts);
    assert_int_equal(ms, timeouts.send_ms);
    assert_int_equal(send_pace_look(&p, &stream.base, &timeouts), 0);
}

static void who_takes_a_little_goes_on_as_long_as_it_is_enough(void **state)
{
    (void)state;
    struct send_pace p;
    (void)send_pace_begin(&p, &timeouts);
    uint32_t ms = send_pace_look(&p, &stream.base, &timeouts);
    for (int i = 0; i < 1000; i++) {
        stream.acknowledged += 200ull * ms / 1000 + 1;
        ms = send_pace_look(&p, &stream.base, &timeouts);
        assert_int_not_equal(ms, 0);
    }
    stream.acknowledged += 200ull * ms / 1000 / 2;
    assert_int_equal(send_pace_look(&p, &stream.base, &timeouts), 0);
}

static void a_count_that_wraps_around_does_no_harm(void **state)
{
    (void)state;
    struct send_pace p;
    stream.acknowledged = UINT32_MAX - 100;
    (void)send_pace_begin(&p, &timeouts);
    assert_int_not_equal(send_pace_look(&p, &stream.base, &timeouts), 0);
    stream.acknowledged += 20000;
    assert_int_not_equal(send_pace_look(&p, &stream.base, &timeouts), 0);
}

static int set_up(void **state)
{
    (void)state;
    fake_stream_init(&stream, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_takes_nothing_has_the_time_of_a_pause),
        cmocka_unit_test(who_takes_a_little_goes_on_as_long_as_it_is_enough),
        cmocka_unit_test(a_count_that_wraps_around_does_no_harm),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
