#include "bench/ledger/ledger.h"
#include "bench/ledger/reconcile.h"
#include "bench/node/node_journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SENT(key) "sent " key " " HASH_A " 10 1\n"
#define ACK(key, receipt) "ack " key " " receipt " 2\n"
#define DOUBT(key) "doubt " key " 3\n"
#define STORED_AS(key, receipt, hash)                                                              \
    "{\"time\":\"2026-01-01T00:00:00.000Z\",\"receipt\":\"" receipt                                \
    "\",\"idempotency_key\":\"" key "\",\"ref\":\"\\\"sha256\\\":\\\"x\",\"bytes\":10,"            \
    "\"sha256\":\"" hash "\",\"node\":\"node-1\"}\n"
#define STORED(key, receipt) STORED_AS(key, receipt, HASH_A)

struct file {
    char path[32];
};

static struct file file_with(const char *text)
{
    struct file f = { "/tmp/test_reconcile.XXXXXX" };
    int fd = mkstemp(f.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return f;
}

static int read_text(struct reconcile *r, const char *text, bool is_journal, struct err *e)
{
    struct file f = file_with(text);
    int rc = is_journal ? reconcile_journal(r, f.path, e) : reconcile_ledger(r, f.path, e);
    unlink(f.path);
    return rc;
}

/* Up to two journals. */
static struct result_ledger reconciled(const char *ledger, const char *first, const char *second)
{
    struct err e = { "" };
    struct result_ledger out;
    struct reconcile *r = reconcile_new();
    assert_int_equal(read_text(r, ledger, false, &e), 0);
    assert_int_equal(read_text(r, first, true, &e), 0);
    assert_int_equal(read_text(r, second, true, &e), 0);
    reconcile_count(r, &out);
    reconcile_free(&r);
    assert_null(r);
    return out;
}

static void all_is_well_when_all_is_stored_once(void **state)
{
    (void)state;
    struct result_ledger l =
        reconciled(SENT("0-1-0") ACK("0-1-0", "R1") SENT("0-2-0") ACK("0-2-0", "R2"),
                   STORED("0-1-0", "R1"), STORED("0-2-0", "R2"));
    assert_true(l.kept);
    assert_int_equal(l.sent, 2);
    assert_int_equal(l.acknowledged, 2);
    assert_int_equal(l.stored, 2);
    assert_int_equal(l.lost + l.doubled + l.unacknowledged + l.wrong_content, 0);
}

static void what_came_twice_was_sent_twice(void **state)
{
    (void)state;
    struct result_ledger l =
        reconciled(SENT("0-1-0") ACK("0-1-0", "R1") SENT("0-2-0"),
                   "{\"arrived\":\"0-1-0\",\"node\":\"a\"}\n" STORED("0-1-0", "R1"),
                   "{\"arrived\":\"0-2-0\",\"node\":\"b\"}\n"
                   "{\"arrived\":\"0-2-0\",\"node\":\"b\"}\n");
    assert_int_equal(l.resent, 1);
    assert_int_equal(l.stored, 1);
    assert_int_equal(l.lost + l.doubled, 0);
}

static void what_was_acknowledged_and_not_stored_is_lost(void **state)
{
    (void)state;
    struct result_ledger l = reconciled(SENT("0-1-0") ACK("0-1-0", "R1") SENT("0-2-0"), "", "");
    assert_int_equal(l.sent, 2);
    assert_int_equal(l.lost, 1);
    assert_int_equal(l.stored, 0);
}

static void what_is_stored_under_another_receipt_is_lost(void **state)
{
    (void)state;
    struct result_ledger l =
        reconciled(SENT("0-1-0") ACK("0-1-0", "R1"), STORED("0-1-0", "R9"), "");
    assert_int_equal(l.stored, 1);
    assert_int_equal(l.lost, 1);
}

static void what_two_nodes_stored_is_doubled(void **state)
{
    (void)state;
    struct result_ledger l =
        reconciled(SENT("0-1-0") ACK("0-1-0", "R2"), STORED("0-1-0", "R1"), STORED("0-1-0", "R2"));
    assert_int_equal(l.doubled, 1);
    assert_int_equal(l.stored, 1);
    assert_int_equal(l.lost, 0);
}

static void what_one_node_stored_three_times_is_doubled_once(void **state)
{
    (void)state;
    struct result_ledger l = reconciled(
        SENT("0-1-0"), STORED("0-1-0", "R1") STORED("0-1-0", "R2") STORED("0-1-0", "R3"), "");
    assert_int_equal(l.doubled, 1);
    assert_int_equal(l.unacknowledged, 1);
}

static void what_the_client_never_heard_of_is_not_lost(void **state)
{
    (void)state;
    struct result_ledger l = reconciled(SENT("0-1-0"), STORED("0-1-0", "R1"), "");
    assert_int_equal(l.unacknowledged, 1);
    assert_int_equal(l.lost, 0);
}

static void who_was_told_nothing_is_counted_apart(void **state)
{
    (void)state;
    struct result_ledger l =
        reconciled(SENT("0-1-0") DOUBT("0-1-0") SENT("0-2-0") SENT("0-3-0") DOUBT("0-3-0")
                       ACK("0-3-0", "R3") SENT("0-4-0") ACK("0-4-0", "R4"),
                   STORED("0-1-0", "R1") STORED("0-3-0", "R3") STORED("0-4-0", "R4"), "");
    assert_int_equal(l.doubted, 1);
    assert_int_equal(l.untold, 1);
    assert_int_equal(l.acknowledged, 2);
    assert_int_equal(l.lost, 0);
}

static void another_content_is_noticed(void **state)
{
    (void)state;
    struct result_ledger l =
        reconciled(SENT("0-1-0") ACK("0-1-0", "R1"), STORED_AS("0-1-0", "R1", HASH_B), "");
    assert_int_equal(l.wrong_content, 1);
    assert_int_equal(l.lost, 0);
}

static void dossiers_of_others_are_none_of_its_business(void **state)
{
    (void)state;
    struct result_ledger l =
        reconciled("", "{\"receipt\":\"R1\",\"sha256\":\"" HASH_A "\"}\n", STORED("x", "R2"));
    assert_int_equal(l.stored, 1);
    assert_int_equal(l.unacknowledged, 0);
}

static void a_line_cut_at_the_end_is_left_out(void **state)
{
    (void)state;
    struct result_ledger l = reconciled(SENT("0-1-0") "ack 0-1-", "", "");
    assert_int_equal(l.sent, 1);
    assert_int_equal(l.acknowledged, 0);
}

static void a_line_that_makes_no_sense_is_named(void **state)
{
    (void)state;
    struct err e;
    struct reconcile *r = reconcile_new();
    assert_int_equal(read_text(r, SENT("0-1-0") "sent what\n", false, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, ":2: the line is not understood"));
    assert_int_equal(read_text(r, "{}\n", true, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, ":1: the line is not understood"));
    assert_true(reconcile_ledger(r, "/nonexistent/ledger", &e) < 0);
    assert_non_null(strstr(e.text, "cannot read /nonexistent/ledger"));
    reconcile_free(&r);
    reconcile_free(&r);
}

static void reads_what_a_node_writes(void **state)
{
    (void)state;
    struct err e;
    struct result_ledger l;
    struct node_receipt receipt;
    char line[LEDGER_LINE_MAX];
    struct file journal_file = file_with("");
    struct node_journal *j = node_journal_open(journal_file.path, false, &e);
    struct node_dossier d = {
        .idempotency_key = SLICE("0-1-0"), .bytes = 10, .sha256 = HASH_A, .node = "node-1"
    };
    assert_int_equal(node_journal_add(j, &d, &receipt), 0);
    node_journal_close(&j);
    struct ledger_line ack = { .event = LEDGER_ACK,
                               .key = SLICE("0-1-0"),
                               .receipt = slice_str(receipt.text) };
    size_t len = ledger_format(line, &ack);
    line[len] = '\0';

    struct reconcile *r = reconcile_new();
    assert_int_equal(read_text(r, SENT("0-1-0"), false, &e), 0);
    assert_int_equal(read_text(r, line, false, &e), 0);
    assert_int_equal(reconcile_journal(r, journal_file.path, &e), 0);
    reconcile_count(r, &l);
    assert_int_equal(l.acknowledged, 1);
    assert_int_equal(l.lost + l.wrong_content, 0);
    reconcile_free(&r);
    unlink(journal_file.path);
}

static void keeps_many_dossiers_apart(void **state)
{
    (void)state;
    enum { DOSSIERS = 50000, LOST_EVERY = 1000 };
    struct err e;
    struct result_ledger l;
    struct file ledger = file_with(""), journal = file_with("");
    FILE *sent = fopen(ledger.path, "w"), *stored = fopen(journal.path, "w");
    for (int i = 0; i < DOSSIERS; i++) {
        fprintf(sent, "sent 0-%d-0 " HASH_A " 10 1\nack 0-%d-0 R%d 2\n", i, i, i);
        if (i % LOST_EVERY)
            fprintf(stored,
                    "{\"receipt\":\"R%d\",\"idempotency_key\":\"0-%d-0\",\"sha256\":\"" HASH_A
                    "\"}\n",
                    i, i);
    }
    fclose(sent);
    fclose(stored);
    struct reconcile *r = reconcile_new();
    assert_int_equal(reconcile_ledger(r, ledger.path, &e), 0);
    assert_int_equal(reconcile_journal(r, journal.path, &e), 0);
    reconcile_count(r, &l);
    assert_int_equal(l.acknowledged, DOSSIERS);
    assert_int_equal(l.lost, DOSSIERS / LOST_EVERY);
    assert_int_equal(l.doubled, 0);
    reconcile_free(&r);
    unlink(ledger.path);
    unlink(journal.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_well_when_all_is_stored_once),
        cmocka_unit_test(what_came_twice_was_sent_twice),
        cmocka_unit_test(what_was_acknowledged_and_not_stored_is_lost),
        cmocka_unit_test(what_is_stored_under_another_receipt_is_lost),
        cmocka_unit_test(what_two_nodes_stored_is_doubled),
        cmocka_unit_test(what_one_node_stored_three_times_is_doubled_once),
        cmocka_unit_test(what_the_client_never_heard_of_is_not_lost),
        cmocka_unit_test(who_was_told_nothing_is_counted_apart),
        cmocka_unit_test(another_content_is_noticed),
        cmocka_unit_test(dossiers_of_others_are_none_of_its_business),
        cmocka_unit_test(a_line_cut_at_the_end_is_left_out),
        cmocka_unit_test(a_line_that_makes_no_sense_is_named),
        cmocka_unit_test(reads_what_a_node_writes),
        cmocka_unit_test(keeps_many_dossiers_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
