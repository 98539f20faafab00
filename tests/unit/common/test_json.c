#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void assert_escaped(struct slice text, const char *expected)
{
    struct buf b;
    buf_init(&b, 1000);
    json_escape(&b, text);
    if (!slice_eq(buf_slice(&b), slice_str(expected)))
        fail_msg("%.*s is not %s", SLICE_ARG(buf_slice(&b)), expected);
    buf_fini(&b);
}

static void puts_commas_where_they_belong(void **state)
{
    (void)state;
    struct buf b;
    struct json j;
    buf_init(&b, 1000);
    json_init(&j, &b);
    json_object(&j, NULL);
    json_string(&j, "a", SLICE("x\"y"));
    json_array(&j, "b");
    json_u64(&j, NULL, 1);
    json_object(&j, NULL);
    json_end_object(&j);
    json_end_array(&j);
    json_bool(&j, "c", true);
    json_double(&j, "d", 0.5);
    json_end_object(&j);
    assert_true(
        slice_eq(buf_slice(&b), SLICE("{\"a\":\"x\\\"y\",\"b\":[1,{}],\"c\":true,\"d\":0.5}")));
    buf_fini(&b);
}

static void escapes_what_json_and_terminals_cannot_have(void **state)
{
    (void)state;
    assert_escaped(SLICE("a\"b\\c"), "a\\\"b\\\\c");
    assert_escaped(SLICE("\0\n\x1b\x7f"), "\\u0000\\u000a\\u001b\\u007f");
    assert_escaped(SLICE("\xc2\x9b"
                         "31m"),
                   "\\u009b31m");
}

static void keeps_utf_8_and_replaces_what_is_not(void **state)
{
    (void)state;
    assert_escaped(SLICE("hồ sơ \xc2\xa0 \xf0\x9f\x98\x80"), "hồ sơ \xc2\xa0 \xf0\x9f\x98\x80");
    assert_escaped(SLICE("\xff"), "\\ufffd");
    assert_escaped(SLICE("\xc0\xaf"), "\\ufffd\\ufffd");            /* overlong */
    assert_escaped(SLICE("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd"); /* a surrogate */
    assert_escaped(SLICE("\xf4\x90\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd");
    assert_escaped(SLICE("a\xe1\xbb"), "a\\ufffd\\ufffd"); /* cut off */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_commas_where_they_belong),
        cmocka_unit_test(escapes_what_json_and_terminals_cannot_have),
        cmocka_unit_test(keeps_utf_8_and_replaces_what_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
