#include "bench/ledger/ledger.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct slice formatted(char out[LEDGER_LINE_MAX], const struct ledger_line *line)
{
    return slice_of(out, ledger_format(out, line));
}

static void writes_what_was_sent(void **state)
{
    (void)state;
    char out[LEDGER_LINE_MAX];
    struct ledger_line line = { .event = LEDGER_SENT,
                                .key = SLICE("3-15199-2"),
                                .sha256 = SLICE(SHA256),
                                .bytes = 512,
                                .time_ms = 61000 };
    assert_true(slice_eq(formatted(out, &line), SLICE("sent 3-15199-2 " SHA256 " 512 61000\n")));
}

static void writes_what_was_acknowledged(void **state)
{
    (void)state;
    char out[LEDGER_LINE_MAX];
    struct ledger_line line = {
        .event = LEDGER_ACK, .key = SLICE("0-1-0"), .receipt = SLICE("0123456789AB"), .time_ms = 7
    };
    assert_true(slice_eq(formatted(out, &line), SLICE("ack 0-1-0 0123456789AB 7\n")));
}

static void writes_what_is_in_doubt(void **state)
{
    (void)state;
    char out[LEDGER_LINE_MAX];
    struct ledger_line line = { .event = LEDGER_DOUBT, .key = SLICE("0-1-0"), .time_ms = 8 };
    assert_true(slice_eq(formatted(out, &line), SLICE("doubt 0-1-0 8\n")));
}

static void the_longest_line_fits(void **state)
{
    (void)state;
    char out[LEDGER_LINE_MAX], key[LEDGER_KEY_MAX];
    memset(key, 'k', sizeof(key));
    struct ledger_line line = { .event = LEDGER_SENT,
                                .key = slice_of(key, sizeof(key)),
                                .sha256 = SLICE(SHA256),
                                .bytes = UINT64_MAX,
                                .time_ms = UINT64_MAX };
    assert_true(formatted(out, &line).len < LEDGER_LINE_MAX);
}

static void reads_what_it_wrote(void **state)
{
    (void)state;
    struct ledger_line line;
    assert_int_equal(ledger_parse(SLICE("sent 3-1-2 " SHA256 " 512 61000"), &line), 0);
    assert_int_equal(line.event, LEDGER_SENT);
    assert_true(slice_eq(line.key, SLICE("3-1-2")));
    assert_true(slice_eq(line.sha256, SLICE(SHA256)));
    assert_int_equal(line.bytes, 512);
    assert_int_equal(line.time_ms, 61000);
    assert_int_equal(ledger_parse(SLICE("ack 3-1-2 0123456789AB 61001"), &line), 0);
    assert_int_equal(line.event, LEDGER_ACK);
    assert_true(slice_eq(line.receipt, SLICE("0123456789AB")));
    assert_int_equal(line.time_ms, 61001);
    assert_int_equal(ledger_parse(SLICE("doubt 3-1-2 61002"), &line), 0);
    assert_int_equal(line.event, LEDGER_DOUBT);
    assert_true(slice_eq(line.key, SLICE("3-1-2")));
    assert_int_equal(line.time_ms, 61002);
}

static void refuses_every_other_line(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "sent",
        "stored 1-1-1 " SHA256 " 5 6",
        "sent  " SHA256 " 5 6",
        "sent 1-1-1 " SHA256 " 5",
        "sent 1-1-1 " SHA256 " 5 6 7",
        "sent 1-1-1 " SHA256 " -5 6",
        "sent 1-1-1 abc 5 6",
        "ack 1-1-1",
        "ack 1-1-1  6",
        "ack 1-1-1 0123456789AB",
        "ack 1-1-1 0123456789AB six",
        "ack 1-1-1 0123456789ABCDEF0123456789ABCDEF0 6",
    };
    struct ledger_line line;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_int_equal(ledger_parse(slice_str(lines[i]), &line), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_was_sent),    cmocka_unit_test(writes_what_was_acknowledged),
        cmocka_unit_test(writes_what_is_in_doubt), cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(reads_what_it_wrote),     cmocka_unit_test(refuses_every_other_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
