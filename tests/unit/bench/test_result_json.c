#include "bench/report/result_read.h"
#include "bench/report/result_write.h"
#include "fakes/fake_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct fake_result small = {
    .hold_s = 60, .users = 1000, .requests_per_s = 100, .slowness = 1, .procedures = 40, .seed = 1
};
static char path[] = "/tmp/cong-result-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void save(const struct buf *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->len, file), text->len);
    fclose(file);
}

static void write_result(const struct result *r, struct buf *out)
{
    buf_init(out, RESULT_JSON_MAX_BYTES);
    result_write(r, out);
    assert_true(buf_ok(out));
    save(out);
}

static void reading_and_writing_again_gives_the_same_bytes(void **state)
{
    struct buf first;
    struct buf second;
    struct err e;
    (void)state;
    struct result *r = fake_result_new(&small);
    r->outcomes[0].high = 1234567;
    write_result(r, &first);
    struct result *again = result_read(path, &e);
    assert_non_null(again);
    write_result(again, &second);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    result_free(&again);
    result_free(&r);
    buf_fini(&first);
    buf_fini(&second);
}

static void nothing_measured_is_lost(void **state)
{
    struct buf text;
    struct err e;
    (void)state;
    struct result *r = fake_result_new(&small);
    struct results_attack *attack = &r->attacks[2].kinds[ATTACK_RESET_FLOOD];
    *attack = (struct results_attack){ .begun = 7, .resets = 123456, .held_max_us = 8000 };
    attack->outcomes[ATTACK_GOAWAY] = 6;
    write_result(r, &text);
    struct result *again = result_read(path, &e);
    assert_non_null(again);
    assert_memory_equal(again->attacks, r->attacks, 3 * sizeof(*r->attacks));
    const struct hdr *before = &r->phases[2].response[CLASS_READ];
    const struct hdr *after = &again->phases[2].response[CLASS_READ];
    assert_int_equal(before->count, after->count);
    assert_int_equal(before->min_us, after->min_us);
    assert_memory_equal(before->counts, after->counts, sizeof(before->counts));
    assert_int_equal(r->second_count, again->second_count);
    assert_memory_equal(r->seconds, again->seconds, r->second_count * sizeof(*r->seconds));
    assert_int_equal(r->before.kernel_slab, again->before.kernel_slab);
    assert_int_equal(r->ledger.unacknowledged, again->ledger.unacknowledged);
    assert_string_equal(r->scenario_text, again->scenario_text);
    assert_string_equal(r->reason, again->reason);
    assert_string_equal(r->scenario->criteria[4].metric, again->scenario->criteria[4].metric);
    assert_int_equal(r->scenario->criteria[4].class, -1);
    assert_int_equal(again->scenario->criteria[4].class, -1);
    result_free(&again);
    result_free(&r);
    buf_fini(&text);
}

/* Writes the small result with the first `from` in it replaced by `to`; what is said about it. */
static void assert_rejected(const char *from, const char *to, const char *sentence)
{
    struct buf text;
    struct buf changed;
    struct err e = { "" };
    struct result *r = fake_result_new(&small);
    r->findings[r->finding_count++] = (struct result_finding){ FINDING_NOTE, "a note" };
    write_result(r, &text);
    result_free(&r);
    buf_append_char(&text, '\0');
    const char *at = strstr(text.data, from);
    assert_non_null(at);
    buf_init(&changed, RESULT_JSON_MAX_BYTES);
    buf_append(&changed, text.data, (size_t)(at - text.data));
    buf_append_str(&changed, to);
    buf_append_str(&changed, at + strlen(from));
    save(&changed);
    assert_null(result_read(path, &e));
    if (!strstr(e.text, sentence))
        fail_msg("said: %s", e.text);
    buf_fini(&text);
    buf_fini(&changed);
}

static void rejects_what_it_does_not_know(void **state)
{
    (void)state;
    assert_rejected("cong-bench result", "another thing", "is not a result of cong-bench");
    assert_rejected("\"version\":1,", "\"version\":2,", "has version 2");
    assert_rejected("{\"format\"", "{,\"format\"", ":1:");
}

static void rejects_numbers_that_would_index_beyond_their_table(void **state)
{
    (void)state;
    assert_rejected("\"verdict\":", "\"verdict\":7", "\"verdict\" is not known");
    assert_rejected("\"class\":", "\"class\":9", "\"criteria\" is not whole");
    assert_rejected("\"counts\":[", "\"counts\":[999999,1,", "is not a count in its range");
    assert_rejected("\"seconds\":{\"count\":", "\"seconds\":{\"count\":99", "is not a count");
    assert_rejected("\"seconds\":{\"count\":", "\"seconds\":{\"count\":1", "as long as the run");
    assert_rejected("\"seconds\":{\"count\":", "\"seconds\":{\"count\":-", "is not a count");
    assert_rejected("\"gravity\":", "\"gravity\":5", "\"findings\" is not whole");
}

static void rejects_parts_that_are_missing(void **state)
{
    (void)state;
    assert_rejected("\"probe_phases\":[{", "\"other\":[{", "\"probe_phases\" is not there");
    assert_rejected("\"handshake\":{", "\"other\":{", "\"handshake\" is not there");
    assert_rejected("\"text\":\"", "\"other\":\"", "is not whole");
}

static void says_when_there_is_no_file(void **state)
{
    struct err e;
    (void)state;
    assert_null(result_read("/nowhere/result.json", &e));
    assert_non_null(strstr(e.text, "/nowhere/result.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_and_writing_again_gives_the_same_bytes),
        cmocka_unit_test(nothing_measured_is_lost),
        cmocka_unit_test(rejects_what_it_does_not_know),
        cmocka_unit_test(rejects_numbers_that_would_index_beyond_their_table),
        cmocka_unit_test(rejects_parts_that_are_missing),
        cmocka_unit_test(says_when_there_is_no_file),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
