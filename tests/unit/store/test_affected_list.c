#include "store/affected_list.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[80];
static struct affected_head head;
static struct affected_entry seen[8];
static size_t seen_count;

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_affected_list.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/affected", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct affected_entry entry(uint8_t number)
{
    struct dispatch_record r = { .key = { number },
                                 .fence = number,
                                 .sent_ms = 1000,
                                 .lost_ms = 2000,
                                 .state = SUBMISSION_ANSWERED,
                                 .status = 201,
                                 .loss = DISPATCH_PUT_BACK,
                                 .reference = "AAAA-BBBB-CCCC",
                                 .route = "dossiers",
                                 .upstream = "portal" };
    return affected_entry_of(&r);
}

static size_t append(uint8_t first, size_t count, uint64_t unknown)
{
    struct affected_entry entries[4];
    size_t unlisted = 0;
    for (size_t i = 0; i < count; i++)
        entries[i] = entry((uint8_t)(first + i));
    assert_int_equal(affected_list_append(folder, entries, count, unknown, &unlisted), 0);
    return unlisted;
}

static void note(void *user, const struct affected_entry *e)
{
    (void)user;
    if (seen_count < sizeof(seen) / sizeof(seen[0]))
        seen[seen_count] = *e;
    seen_count++;
}

static void read_all(void)
{
    struct err e;
    seen_count = 0;
    assert_int_equal(affected_list_read(folder, &head, note, NULL, &e), 0);
}

static void no_file_is_an_empty_list(void **state)
{
    (void)state;
    read_all();
    assert_int_equal(seen_count, 0);
    assert_int_equal(head.unlisted, 0);
}

static void keeps_what_was_appended_in_its_order(void **state)
{
    (void)state;
    append(1, 2, 0);
    append(3, 1, 7);
    read_all();
    assert_int_equal(seen_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(seen[i].fence, i + 1);
    assert_string_equal(seen[0].reference, "AAAA-BBBB-CCCC");
    assert_string_equal(seen[0].route, "dossiers");
    assert_string_equal(seen[0].upstream, "portal");
    assert_int_equal(seen[0].status, 201);
    assert_false(seen[0].sent_again);
    assert_int_equal(head.unknown, 7);
}

static void change(off_t at, size_t bytes, const void *data)
{
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, data, bytes, at), bytes);
    close(fd);
}

static void torn_entry_counts_as_not_written(void **state)
{
    (void)state;
    append(1, 3, 0);
    change(2 * AFFECTED_ENTRY_BYTES + 100, 1, "x");
    read_all();
    assert_int_equal(seen_count, 2);
    assert_int_equal(seen[1].fence, 3);
}

static void torn_end_is_written_over(void **state)
{
    (void)state;
    append(1, 2, 0);
    assert_int_equal(truncate(path, 3 * AFFECTED_ENTRY_BYTES - 5), 0);
    append(3, 1, 0);
    read_all();
    assert_int_equal(seen_count, 2);
    assert_int_equal(seen[1].fence, 3);
}

static void spoilt_head_says_nothing_and_is_made_again(void **state)
{
    (void)state;
    append(1, 1, 5);
    change(20, 1, "x");
    read_all();
    assert_int_equal(seen_count, 1);
    assert_int_equal(head.unknown, 0);
    append(2, 1, 6);
    read_all();
    assert_int_equal(seen_count, 2);
    assert_int_equal(head.unknown, 6);
}

static void full_list_counts_what_it_leaves_out(void **state)
{
    (void)state;
    append(1, 1, 0);
    assert_int_equal(truncate(path, (off_t)AFFECTED_LIST_MAX * AFFECTED_ENTRY_BYTES), 0);
    assert_int_equal(append(2, 3, 0), 2); /* there was room for one */
    assert_int_equal(append(5, 1, 0), 1);
    read_all();
    assert_int_equal(seen_count, 2); /* the rest was never written */
    assert_int_equal(head.unlisted, 3);
}

static void name_that_has_no_end_gets_one(void **state)
{
    (void)state;
    struct dispatch_record r = { .state = SUBMISSION_ANSWERED };
    memset(r.route, 'r', sizeof(r.route));
    memset(r.upstream, 'u', sizeof(r.upstream));
    memset(r.reference, 'x', sizeof(r.reference));
    struct affected_entry e = affected_entry_of(&r);
    assert_int_equal(strlen(e.route), sizeof(e.route) - 1);
    assert_int_equal(strlen(e.upstream), sizeof(e.upstream) - 1);
    assert_int_equal(strlen(e.reference), sizeof(e.reference) - 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(no_file_is_an_empty_list),
        TEST(keeps_what_was_appended_in_its_order),
        TEST(torn_entry_counts_as_not_written),
        TEST(torn_end_is_written_over),
        TEST(spoilt_head_says_nothing_and_is_made_again),
        TEST(full_list_counts_what_it_leaves_out),
        TEST(name_that_has_no_end_gets_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
