#include "config/units.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t parsed(enum unit unit, const char *text)
{
    uint64_t value = 0;
    struct err e = { "" };
    assert_int_equal(units_parse(unit, slice_str(text), &value, &e), 0);
    return value;
}

static void expect_error(enum unit unit, const char *text, const char *sentence)
{
    uint64_t value;
    struct err e = { "" };
    assert_int_equal(units_parse(unit, slice_str(text), &value, &e), ERR_INVALID);
    assert_string_equal(e.text, sentence);
}

static void reads_durations_in_milliseconds(void **state)
{
    (void)state;
    assert_int_equal(parsed(UNIT_DURATION, "500ms"), 500);
    assert_int_equal(parsed(UNIT_DURATION, "30s"), 30000);
    assert_int_equal(parsed(UNIT_DURATION, "5m"), 300000);
    assert_int_equal(parsed(UNIT_DURATION, "2h"), 7200000);
    assert_int_equal(parsed(UNIT_DURATION, "1d"), 86400000);
    assert_int_equal(parsed(UNIT_DURATION, "0s"), 0);
}

static void reads_sizes_in_bytes(void **state)
{
    (void)state;
    assert_int_equal(parsed(UNIT_SIZE, "512B"), 512);
    assert_int_equal(parsed(UNIT_SIZE, "64KiB"), 65536);
    assert_int_equal(parsed(UNIT_SIZE, "1MiB"), 1048576);
    assert_int_equal(parsed(UNIT_SIZE, "3GiB"), 3221225472);
}

static void reads_counts_without_a_unit(void **state)
{
    (void)state;
    assert_int_equal(parsed(UNIT_COUNT, "0"), 0);
    assert_int_equal(parsed(UNIT_COUNT, "120000"), 120000);
    assert_true(parsed(UNIT_COUNT, "18446744073709551615") == UINT64_MAX);
}

static void asks_for_the_missing_unit(void **state)
{
    (void)state;
    expect_error(UNIT_DURATION, "30", "\"30\" needs a unit: ms, s, m, h or d, such as 30s");
    expect_error(UNIT_DURATION, "0", "\"0\" needs a unit: ms, s, m, h or d, such as 0s");
    expect_error(UNIT_SIZE, "64", "\"64\" needs a unit: B, KiB, MiB or GiB, such as 64KiB");
}

static void names_the_unit_that_was_meant(void **state)
{
    (void)state;
    expect_error(UNIT_DURATION, "30sec", "\"30sec\" is not a duration; write 30s");
    expect_error(UNIT_DURATION, "30 s", "\"30 s\" is not a duration; write 30s");
    expect_error(UNIT_DURATION, "5min", "\"5min\" is not a duration; write 5m");
    expect_error(UNIT_DURATION, "5M", "\"5M\" is not a duration; write 5m");
    expect_error(UNIT_SIZE, "64KB", "\"64KB\" is not a size; write 64KiB");
    expect_error(UNIT_SIZE, "64k", "\"64k\" is not a size; write 64KiB");
    expect_error(UNIT_SIZE, "1gb", "\"1gb\" is not a size; write 1GiB");
}

static void rejects_a_unit_of_another_kind(void **state)
{
    (void)state;
    expect_error(UNIT_SIZE, "30s",
                 "\"30s\" is not a size; write a whole number and B, KiB, MiB or GiB, "
                 "such as 64KiB");
    expect_error(UNIT_DURATION, "64KiB",
                 "\"64KiB\" is not a duration; write a whole number and ms, s, m, h or d, "
                 "such as 30s");
    expect_error(UNIT_COUNT, "120k",
                 "\"120k\" is not a whole number; write digits only, such as 120000");
}

static void rejects_signs_fractions_and_sums(void **state)
{
    (void)state;
    static const char *const wrong[] = { "-1s", "+1s", "1.5s", "1h30m", "0x10s", "1_000s",
                                         "s",   "",    "1s ",  " 1s",   "١s" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        uint64_t value;
        assert_int_equal(units_parse(UNIT_DURATION, slice_str(wrong[i]), &value, NULL),
                         ERR_INVALID);
    }
    expect_error(UNIT_COUNT, "", "\"\" is not a whole number; write digits only, such as 120000");
}

static void rejects_what_does_not_fit(void **state)
{
    (void)state;
    expect_error(UNIT_COUNT, "18446744073709551616",
                 "\"18446744073709551616\" is too large a number");
    expect_error(UNIT_SIZE, "18446744073709551615GiB",
                 "\"18446744073709551615GiB\" is too large a number");
    expect_error(UNIT_DURATION, "99999999999999999999d",
                 "\"99999999999999999999d\" is too large a number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_durations_in_milliseconds),
        cmocka_unit_test(reads_sizes_in_bytes),
        cmocka_unit_test(reads_counts_without_a_unit),
        cmocka_unit_test(asks_for_the_missing_unit),
        cmocka_unit_test(names_the_unit_that_was_meant),
        cmocka_unit_test(rejects_a_unit_of_another_kind),
        cmocka_unit_test(rejects_signs_fractions_and_sums),
        cmocka_unit_test(rejects_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
