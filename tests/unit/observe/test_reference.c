#include "observe/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Digits and capitals but for I, L, O and U, which people take for others. */
static bool is_readable(const char *text)
{
    return strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-") == REFERENCE_LEN;
}

static void what_is_made_can_be_read_out_and_differs(void **state)
{
    (void)state;
    struct random random = { { 1, 2, 3, 4 } };
    char before[REFERENCE_LEN + 1] = "";
    for (size_t i = 0; i < 1000; i++) {
        char text[REFERENCE_LEN + 1];
        reference_make(&random, text);
        assert_int_equal(strlen(text), REFERENCE_LEN);
        assert_true(is_readable(text));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_can_be_read_out_and_differs),
        cmocka_unit_test(uses_every_character_at_every_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
