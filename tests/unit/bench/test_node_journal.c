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
    struct node_journal *j = node_journal_open(file, &e);
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

static void says_why_it_cannot_be_opened(void **state)
{
    (void)state;
    struct err e = { "" };
    assert_null(node_journal_open("/nowhere/at/all", &e));
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
