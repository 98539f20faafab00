#include "common/buf.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void grows_up_to_its_cap_and_then_says_so(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    for (int i = 0; i < 100; i++)
        buf_append_str(&b, "0123456789");
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 1000);
    buf_append_char(&b, 'x');
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 1000);
    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_fini(&b);
}

static void consumes_from_the_front(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_append_str(&b, "hello world");
    buf_consume(&b, 6);
    assert_true(slice_eq(buf_slice(&b), SLICE("world")));
    buf_consume(&b, 5);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

static void formats_numbers(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_append_u64(&b, 0);
    buf_append_char(&b, ' ');
    buf_append_u64(&b, UINT64_MAX);
    buf_printf(&b, " %d", -5);
    assert_true(slice_eq(buf_slice(&b), SLICE("0 18446744073709551615 -5")));
    buf_fini(&b);
}

static void formats_numbers_of_every_length(void **state)
{
    (void)state;
    char expected[21], got[21];
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; digits++, power *= 10) {
        const uint64_t values[] = { power - 1, power, power + 7 };
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
            snprintf(expected, sizeof(expected), "%" PRIu64, values[i]);
            got[format_u64(got, values[i])] = '\0';
            assert_string_equal(got, expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_up_to_its_cap_and_then_says_so),
        cmocka_unit_test(consumes_from_the_front),
        cmocka_unit_test(formats_numbers),
        cmocka_unit_test(formats_numbers_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
