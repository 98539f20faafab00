#include "observe/reference.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void what_is_made_is_valid_and_differs(void **state)
{
    (void)state;
    struct random random = { { 1, 2, 3, 4 } };
    char before[REFERENCE_LEN + 1] = "";
    for (size_t i = 0; i < 1000; i++) {
        char text[REFERENCE_LEN + 1];
        reference_make(&random, text);
        assert_int_equal(strlen(text), REFERENCE_LEN);
        assert_true(reference_is_valid(slice_str(text)));
        assert_string_not_equal(text, before);
        memcpy(before, text, sizeof(before));
    }
}

static void uses_every_character_at_every_place(void **state)
{
    (void)state;
    struct random random = { { 1, 2, 3, 4 } };
    bool seen[REFERENCE_LEN][128] = { 0 };
    for (size_t i = 0; i < 5000; i++) {
        char text[REFERENCE_LEN + 1];
        reference_make(&random, text);
        for (size_t at = 0; at < REFERENCE_LEN; at++)
            seen[at][(unsigned char)text[at]] = true;
    }
    for (size_t at = 0; at < REFERENCE_LEN; at++) {
        size_t kinds = 0;
        for (size_t c = 0; c < 128; c++)
            kinds += seen[at][c];
        assert_int_equal(kinds, at % 5 == 4 ? 1 : 32);
    }
}

static void rejects_what_nobody_made(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "4Q7Z-0KXM-9T2",   /* short */
        "4Q7Z-0KXM-9T2BB", /* long */
        "4Q7Z00KXM-9T2B",  /* a digit for a dash */
        "4Q7Z-0KXM-9T-B",  /* a dash for a digit */
        "4q7z-0kxm-9t2b",  /* lower case */
        "4Q7Z-0KXM-9T2I",  /* not in the alphabet */
        "4Q7Z-0KXM-9T2L",
        "4Q7Z-0KXM-9T2O",
        "4Q7Z-0KXM-9T2U",
        "4Q7Z-0KXM-9T2\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(reference_is_valid(slice_str(wrong[i])));
    assert_false(reference_is_valid(SLICE("4Q7Z-0KXM-9T2\0")));
    assert_true(reference_is_valid(SLICE("4Q7Z-0KXM-9T2B")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_valid_and_differs),
        cmocka_unit_test(uses_every_character_at_every_place),
        cmocka_unit_test(rejects_what_nobody_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
