#include "bench/node/node_journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/test_node_journal.XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static struct node_journal *opened(const char *file)
{
    struct err e;
    struct node_journal *j = node_journal_open(file, false, &e);
    assert_non_null(j);
    return j;
}

static struct node_journal *opened_unique(const char *file)
{
    struct err e;
    struct node_journal *j = node_journal_open(file, true, &e);
    assert_non_null(j);
    return j;
}

static struct node_receipt stored(struct node_journal *j, struct slice key)
{
    struct node_receipt receipt;
    struct node_dossier d = { .idempotency_key = key, .bytes = 5, .sha256 = "abc", .node = "n1" };
    assert_int_equal(node_journal_add(j, &d, &receipt), 0);
    return receipt;
}

static void knows_what_it_has_stored(void **state)
{
    (void)state;
    struct node_receipt receipts[3000];
    struct node_journal *j = opened(NULL);
    for (size_t i = 0; i < ARRAY_LEN(receipts); i++)
        receipts[i] = stored(j, SLICE(""));
    for (size_t i = 0; i < ARRAY_LEN(receipts); i++)
        assert_true(node_journal_has(j, slice_str(receipts[i].text)));
    assert_false(node_journal_has(j, SLICE("000000000001")));
    node_journal_close(&j);
}

static void knows_no_receipt_that_is_none(void **state)
{
    (void)state;
    struct node_journal *j = opened(NULL);
    assert_false(node_journal_has(j, SLICE("")));
    assert_false(node_journal_has(j, SLICE("000000000000")));
    assert_false(node_journal_has(j, SLICE("not a receipt")));
    assert_false(node_journal_has(j, slice_of("A\0AAAAAAAAAA", 12)));
    node_journal_close(&j);
}

static void writes_one_line_a_dossier(void **state)
{
    (void)state;
    char line[512];
    struct node_journal *j = opened(path);
    struct node_receipt receipt = stored(j, SLICE("key \"1\""));
    node_journal_close(&j);
    FILE *file = fopen(path, "re");
    assert_non_null(fgets(line, sizeof(line), file));
    assert_non_null(strstr(line, receipt.text));
    assert_non_null(strstr(line, "\"idempotency_key\":\"key \\\"1\\\"\","));
    assert_non_null(strstr(line, "\"bytes\":5,\"sha256\":\"abc\",\"node\":\"n1\"}\n"));
    assert_null(strstr(line, "\"ref\""));
    assert_null(fgets(line, sizeof(line), file));
    fclose(file);
}

static void remembers_after_a_restart(void **state)
{
    (void)state;
    struct node_journal *j = opened(path);
    struct node_receipt first = stored(j, SLICE("1"));
    struct node_receipt second = stored(j, SLICE("2"));
    node_journal_close(&j);
    j = opened(path);
    assert_true(node_journal_has(j, slice_str(first.text)));
    assert_true(node_journal_has(j, slice_str(second.text)));
    node_journal_close(&j);
}

static void loses_only_the_next_dossier_when_told_to(void **state)
{
    (void)state;
    struct node_journal *j = opened(path);
    node_journal_lose_next(j);
    struct node_receipt lost = stored(j, SLICE("lost")), kept = stored(j, SLICE("kept"));
    node_journal_close(&j);
    j = opened(path);
    assert_false(node_journal_has(j, slice_str(lost.text)));
    assert_true(node_journal_has(j, slice_str(kept.text)));
    node_journal_close(&j);
}

static size_t count_lines(void)
{
    size_t lines = 0;
    FILE *file = fopen(path, "re");
    for (int c = getc(file); c != EOF; c = getc(file))
        lines += c == '\n';
    fclose(file);
    return lines;
}

static void assert_same(struct node_receipt first, struct node_receipt again)
{
    assert_false(first.is_repeated);
    assert_true(again.is_repeated);
    assert_string_equal(first.text, again.text);
}

static void a_unique_journal_gives_the_same_receipt_for_a_key(void **state)
{
    static const struct slice keys[] = { SLICE("1"), SLICE("\"quoted\\\""), SLICE("a b") };
    struct node_receipt first[ARRAY_LEN(keys)];
    (void)state;
    struct node_journal *j = opened_unique(path);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        first[i] = stored(j, keys[i]);
        assert_same(first[i], stored(j, keys[i]));
    }
    node_journal_close(&j);
    j = opened_unique(path);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_same(first[i], stored(j, keys[i]));
    assert_false(stored(j, SLICE("another")).is_repeated);
    assert_int_equal(count_lines(), ARRAY_LEN(keys) + 1);
    node_journal_close(&j);
}

static void nodes_may_share_a_unique_journal(void **state)
{
    struct node_receipt found;
    (void)state;
    struct node_journal *one = opened_unique(path), *two = opened_unique(path);
    for (uint32_t i = 0; i < 2000; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key-%u", i);
        struct node_receipt first = stored(i % 2 ? one : two, slice_str(key));
        assert_same(first, stored(i % 3 ? two : one, slice_str(key)));
        assert_true(node_journal_find(i % 2 ? two : one, slice_str(key), &found));
        assert_string_equal(found.text, first.text);
    }
    assert_false(node_journal_find(one, SLICE("key-2000"), &found));
    assert_int_equal(count_lines(), 2000);
    node_journal_close(&one);
    node_journal_close(&two);
}

static void says_why_it_cannot_be_opened(void **state)
{
    (void)state;
    struct err e = { "" };
    assert_null(node_journal_open("/nowhere/at/all", false, &e));
    assert_non_null(strstr(e.text, "/nowhere/at/all: No such file"));
}

static void stores_nothing_that_cannot_be_written(void **state)
{
    (void)state;
    struct node_receipt receipt;
    struct node_dossier d = { .sha256 = "abc", .node = "n1" };
    struct node_journal *j = opened("/dev/full");
    assert_true(node_journal_add(j, &d, &receipt) < 0);
    assert_false(node_journal_has(j, slice_str(receipt.text)));
    node_journal_close(&j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(knows_what_it_has_stored),
        TEST(knows_no_receipt_that_is_none),
        TEST(writes_one_line_a_dossier),
        TEST(remembers_after_a_restart),
        TEST(says_why_it_cannot_be_opened),
        TEST(stores_nothing_that_cannot_be_written),
        TEST(loses_only_the_next_dossier_when_told_to),
        TEST(a_unique_journal_gives_the_same_receipt_for_a_key),
        TEST(nodes_may_share_a_unique_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
