#include "common/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void compares_without_regard_to_case_in_ascii_only(void **state)
{
    (void)state;
    assert_true(slice_eq_nocase(SLICE("Host"), SLICE("hOST")));
    assert_false(slice_eq_nocase(SLICE("a"), SLICE("ab")));
    assert_false(slice_eq_nocase(SLICE("\xc3\x84"), SLICE("\xc3\xa4")));
    assert_true(slice_eq_nocase(SLICE(""), SLICE("")));
    assert_true(slice_eq((struct slice){ 0 }, SLICE("")));
}

static void every_byte_at_every_place_is_compared(void **state)
{
    (void)state;
    static const size_t lengths[] = { 1, 7, 8, 9, 15, 16, 17 };
    char a[17], b[17];
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        for (size_t at = 0; at < lengths[i]; at++) {
            memset(a, 'x', sizeof(a));
            memset(b, 'X', sizeof(b));
            for (unsigned pair = 0; pair < 65536; pair++) {
                a[at] = (char)(pair >> 8);
                b[at] = (char)pair;
                bool is_same = ascii_lower(a[at]) == ascii_lower(b[at]);
                struct slice one = slice_of(a, lengths[i]), other = slice_of(b, lengths[i]);
                if (slice_eq_nocase(one, other) != is_same)
                    fail_msg("%02x and %02x at %zu of %zu", pair >> 8, pair & 255, at, lengths[i]);
            }
        }
    }
}

static void trims_spaces_and_tabs_only(void **state)
{
    (void)state;
    assert_true(slice_eq(slice_trim(SLICE(" \ta b\t ")), SLICE("a b")));
    assert_true(slice_eq(slice_trim(SLICE("\ra\n")), SLICE("\ra\n")));
    assert_int_equal(slice_trim(SLICE("  ")).len, 0);
}

static void walks_a_list_with_its_empty_elements(void **state)
{
    (void)state;
    static const char *const expected[] = { "a", "", "b c", "" };
    struct slice rest = SLICE("a, ,b c ,"), element;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_true(slice_next_element(&rest, &element));
        assert_true(slice_eq(element, slice_str(expected[i])));
    }
    assert_false(slice_next_element(&rest, &element));
}

static void reads_decimal_numbers_strictly(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1e3", "18446744073709551616", "99999999999999999999"
    };
    uint64_t value;
    assert_true(slice_to_u64(SLICE("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_true(slice_to_u64(SLICE("007"), &value) && value == 7);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(slice_to_u64(slice_str(wrong[i]), &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_without_regard_to_case_in_ascii_only),
        cmocka_unit_test(every_byte_at_every_place_is_compared),
        cmocka_unit_test(trims_spaces_and_tabs_only),
        cmocka_unit_test(walks_a_list_with_its_empty_elements),
        cmocka_unit_test(reads_decimal_numbers_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
