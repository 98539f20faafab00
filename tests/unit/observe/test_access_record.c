#include "observe/access_record.h"

#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOON 1795003200000ull /* 2026-11-18T12:00:00Z */
#define HEAD "{\"time\":\"2026-11-18T12:00:00.000Z\""
#define TAIL ",\"bytes_in\":0,\"bytes_out\":0"

static struct access_record empty_record(void)
{
    return (struct access_record){
        .wall_ms = NOON,
        .duration_us = ACCESS_UNKNOWN,
        .connect_us = ACCESS_UNKNOWN,
        .response_us = ACCESS_UNKNOWN,
    };
}

/* Returns the terminated line. */
static const char *format(const struct access_record *r)
{
    static char line[ACCESS_LINE_MAX + 1];
    struct access_clock clock = { 0 };
    line[access_record_format(r, &clock, line)] = '\0';
    return line;
}

static void tells_everything_in_the_agreed_order(void **state)
{
    (void)state;
    struct access_record r = {
        .wall_ms = NOON + 7,
        .reference = SLICE("4Q7Z-0KXM-9T2B"),
        .client = SLICE("2001:db8::7"),
        .port = 51234,
        .proxy = SLICE("10.0.0.1"),
        .method = SLICE("POST"),
        .scheme = SLICE("https"),
        .host = SLICE("dichvucong.gov.vn"),
        .target = SLICE("/ha-noi/nop-ho-so?buoc=3"),
        .protocol = SLICE("HTTP/1.1"),
        .route = SLICE("ha-noi"),
        .upstream = SLICE("ha-noi"),
        .session = SLICE("0123abcd"),
        .submission = SLICE("replayed"),
        .peer = SLICE("10.1.2.3:8080"),
        .status = 502,
        .limit = SLICE("pages"),
        .shed = SLICE("late"),
        .bytes_in = 18446744073709551615ull,
        .bytes_out = 1024,
        .duration_us = 12034,
        .connect_us = 0,
        .response_us = 999,
        .retries = 1,
        .reused = true,
        .tls = SLICE("TLSv1.3"),
        .tls_resumed = false,
        .user_agent = SLICE("Mozilla/5.0"),
        .abort_reason = SLICE("backend_reset"),
    };
    assert_string_equal(
        format(&r),
        "{\"time\":\"2026-11-18T12:00:00.007Z\",\"ref\":\"4Q7Z-0KXM-9T2B\",\"client\":\"2001:db8::"
        "7\","
        "\"port\":51234,\"proxy\":\"10.0.0.1\",\"method\":\"POST\",\"scheme\":\"https\","
        "\"host\":\"dichvucong.gov.vn\",\"target\":\"/ha-noi/nop-ho-so?buoc=3\","
        "\"protocol\":\"HTTP/1.1\",\"route\":\"ha-noi\",\"upstream\":\"ha-noi\","
        "\"session\":\"0123abcd\",\"peer\":\"10.1.2.3:8080\",\"status\":502,\"limit\":\"pages\","
        "\"shed\":\"late\",\"submission\":\"replayed\","
        "\"bytes_in\":18446744073709551615,"
        "\"bytes_out\":1024,\"duration_ms\":12.034,\"connect_ms\":0.000,\"response_ms\":0.999,"
        "\"retries\":1,\"reused\":true,\"tls\":\"TLSv1.3\",\"tls_resumed\":false,"
        "\"user_agent\":\"Mozilla/5.0\",\"abort\":\"backend_reset\"}\n");
}

static void leaves_out_what_is_unknown(void **state)
{
    (void)state;
    struct access_record r = empty_record();
    assert_string_equal(format(&r), HEAD TAIL "}\n");
}

static void keeps_the_clock_across_lines(void **state)
{
    (void)state;
    static const struct {
        uint64_t wall_ms;
        const char *text;
    } times[] = {
        { 0, "1970-01-01T00:00:00.000Z" },           { 999, "1970-01-01T00:00:00.999Z" },
        { NOON, "2026-11-18T12:00:00.000Z" },        { NOON + 999, "2026-11-18T12:00:00.999Z" },
        { NOON + 1000, "2026-11-18T12:00:01.000Z" }, { NOON - 1, "2026-11-18T11:59:59.999Z" },
    };
    struct access_clock clock = { 0 };
    struct access_record r = empty_record();
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char line[ACCESS_LINE_MAX];
        r.wall_ms = times[i].wall_ms;
        access_record_format(&r, &clock, line);
        assert_memory_equal(line + 9, times[i].text, CLOCK_ISO_LEN);
    }
}

static void expect_target(struct slice target, const char *escaped)
{
    struct access_record r = empty_record();
    r.target = target;
    const char *line = format(&r);
    struct slice start = SLICE(HEAD ",\"target\":\"");
    assert_memory_equal(line, start.data, start.len);
    size_t len = strlen(escaped);
    assert_memory_equal(line + start.len, escaped, len);
    assert_string_equal(line + start.len + len, "\"" TAIL "}\n");
}

static void escapes_what_json_cannot_hold(void **state)
{
    (void)state;
    expect_target(SLICE("/a\"b\\c"), "/a\\\"b\\\\c");
    expect_target(SLICE("/line\r\nforged: 1"), "/line\\u000d\\u000aforged: 1");
    expect_target(SLICE("/\0\x7f"), "/\\u0000\\u007f");
    expect_target(SLICE("/Thủ-Đức/hồ-sơ"), "/Thủ-Đức/hồ-sơ");
    expect_target(SLICE("/\xff\xc0\xafx\xed\xa0\x80"),
                  "/\\ufffd\\ufffd\\ufffdx\\ufffd\\ufffd\\ufffd");
}

/* Every byte at every place of short and longer texts, against the escaper of common/json. */
static void agrees_with_the_escaper_for_every_byte_and_place(void **state)
{
    (void)state;
    struct buf expected;
    buf_init(&expected, 4096);
    for (size_t len = 1; len <= 25; len++)
        for (size_t at = 0; at < len; at++)
            for (unsigned c = 0; c < 256; c++) {
                char text[25];
                memset(text, 'a' + (int)at % 26, len);
                text[at] = (char)c;
                buf_clear(&expected);
                json_escape(&expected, slice_of(text, len));
                buf_append_char(&expected, '\0');
                expect_target(slice_of(text, len), expected.data);
            }
    buf_fini(&expected);
}

#define TARGET_MAX 1536

static void repeat(char *out, size_t size, const char *unit)
{
    size_t len = strlen(unit);
    for (size_t i = 0; i < size; i++)
        out[i] = unit[i % len];
}

static void cuts_long_texts_at_a_whole_character(void **state)
{
    (void)state;
    /* The longest text that is kept, and one byte more. */
    char text[20000], expected[TARGET_MAX + 1];
    repeat(text, sizeof(text), "x");
    memcpy(expected, text, TARGET_MAX);
    expected[TARGET_MAX] = '\0';
    expect_target(slice_of(text, TARGET_MAX), expected);
    memcpy(expected + TARGET_MAX - 3, "…", 4);
    expect_target(slice_of(text, TARGET_MAX + 1), expected);
    expect_target(slice_of(text, sizeof(text)), expected);

    /* Escapes and characters of several bytes stay whole: 255 six-byte escapes and the mark. */
    repeat(text, sizeof(text), "\x01");
    repeat(expected, TARGET_MAX, "\\u0001");
    memcpy(expected + 1530, "…", 4);
    expect_target(slice_of(text, 257), expected);
    expect_target(slice_of(text, sizeof(text)), expected);
    for (size_t shift = 0; shift < 4; shift++) {
        repeat(text, sizeof(text), "aaa");
        repeat(text + shift, sizeof(text) - shift, "\xf0\x9f\x98\x80");
        size_t kept = shift + (TARGET_MAX - 3 - shift) / 4 * 4;
        memcpy(expected, text, kept);
        memcpy(expected + kept, "…", 4);
        expect_target(slice_of(text, sizeof(text)), expected);
    }
}

static void the_longest_line_stays_within_the_bound(void **state)
{
    (void)state;
    static char text[65536];
    static const char *const units[] = { "x", "\"", "\x01", "\xff", "ế" };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        repeat(text, sizeof(text), units[i]);
        struct slice s = slice_of(text, sizeof(text));
        struct access_record r = {
            .wall_ms = NOON,
            .reference = s,
            .client = s,
            .port = UINT16_MAX,
            .proxy = s,
            .method = s,
            .scheme = s,
            .host = s,
            .target = s,
            .protocol = s,
            .route = s,
            .upstream = s,
            .session = s,
            .submission = s,
            .peer = s,
            .limit = s,
            .shed = s,
            .status = UINT16_MAX,
            .bytes_in = UINT64_MAX,
            .bytes_out = UINT64_MAX,
            .duration_us = INT64_MAX,
            .connect_us = INT64_MAX,
            .response_us = INT64_MAX,
            .retries = UINT32_MAX,
            .tls = s,
            .user_agent = s,
            .abort_reason = s,
        };
        const char *line = format(&r);
        size_t len = strlen(line);
        assert_in_range(len, 3000, ACCESS_LINE_MAX);
        assert_string_equal(line + len - 2, "}\n");
        assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_everything_in_the_agreed_order),
        cmocka_unit_test(leaves_out_what_is_unknown),
        cmocka_unit_test(keeps_the_clock_across_lines),
        cmocka_unit_test(escapes_what_json_cannot_hold),
        cmocka_unit_test(agrees_with_the_escaper_for_every_byte_and_place),
        cmocka_unit_test(cuts_long_texts_at_a_whole_character),
        cmocka_unit_test(the_longest_line_stays_within_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
