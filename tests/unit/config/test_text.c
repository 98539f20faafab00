#include "config/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void quotes_short_text_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(text_quote(SLICE("30")).text, "\"30\"");
    assert_string_equal(text_quote(SLICE("")).text, "\"\"");
    assert_string_equal(text_quote(SLICE("Cổng")).text, "\"Cổng\"");
}

static void shortens_long_text_between_characters(void **state)
{
    (void)state;
    struct slice ascii = SLICE("123456789 123456789 123456789 123456789 123456789 123456789");
    assert_string_equal(text_quote(ascii).text,
                        "\"123456789 123456789 123456789 123456789 12345678…\"");
    /* The 48th byte falls into the three bytes of ổ. */
    struct slice vietnamese = SLICE("123456789 123456789 123456789 123456789 123456Cổng");
    assert_string_equal(text_quote(vietnamese).text,
                        "\"123456789 123456789 123456789 123456789 123456C…\"");
}

static void neutralises_control_characters(void **state)
{
    (void)state;
    assert_string_equal(text_quote(SLICE("a\nb\x1b[2J\0c\x7f")).text, "\"a?b?[2J?c?\"");
    assert_string_equal(text_quote(SLICE("a\xc2\x9b"
                                         "2J"))
                            .text,
                        "\"a?2J\"");
}

static void finds_control_characters(void **state)
{
    (void)state;
    assert_true(text_has_control(SLICE("a\nb")));
    assert_true(text_has_control(SLICE("a\0b")));
    assert_true(text_has_control(SLICE("\x7f")));
    assert_true(text_has_control(SLICE("\xc2\x85")));
    assert_false(text_has_control(SLICE("Cổng dịch vụ công © 2025")));
}

static void suggests_the_nearest_word_only_when_near(void **state)
{
    (void)state;
    static const char *const known[] = { "listeners", "limits", "timeouts", "log" };
    assert_string_equal(text_nearest(SLICE("listners"), known, 4), "listeners");
    assert_string_equal(text_nearest(SLICE("Limits"), known, 4), "limits");
    assert_string_equal(text_nearest(SLICE("timeout"), known, 4), "timeouts");
    assert_null(text_nearest(SLICE("peers"), known, 4));
    assert_null(text_nearest(SLICE("x"), known, 4));
    assert_null(text_nearest(SLICE("listenerslistenerslistenerslisteners"), known, 4));
    assert_null(text_nearest(SLICE(""), known, 4));
}

static void finds_a_choice_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(text_choice("off|optional|required", SLICE("off")), 0);
    assert_int_equal(text_choice("off|optional|required", SLICE("Required")), 2);
    assert_true(text_choice("off|optional|required", SLICE("require")) == TEXT_NO_CHOICE);
    assert_true(text_choice("off|optional|required", SLICE("off|optional")) == TEXT_NO_CHOICE);
    assert_true(text_choice("off|optional|required", SLICE("")) == TEXT_NO_CHOICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_short_text_as_it_is),
        cmocka_unit_test(shortens_long_text_between_characters),
        cmocka_unit_test(neutralises_control_characters),
        cmocka_unit_test(finds_control_characters),
        cmocka_unit_test(suggests_the_nearest_word_only_when_near),
        cmocka_unit_test(finds_a_choice_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
