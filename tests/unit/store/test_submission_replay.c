/* Entries of several workers' files about one key: in whatever order they are read, the same is
 * believed. */
#include "store/submission_replay.h"

#include "store/journal_entry.h"
#include "store/submission_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_MS 10000
#define SEGMENTS 3

static const struct shm_table_shape shape = { 100, sizeof(struct submission_record), false };
static const struct siphash_key secret = { 1, 2 };
static char folder[64];
static void *memory;

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_submission_replay.XXXXXX");
    memory = mmap(NULL, shm_table_bytes(&shape), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                  -1, 0);
    return mkdtemp(folder) && memory != MAP_FAILED ? 0 : -1;
}

static int end(void **state)
{
    char path[JOURNAL_PATH_MAX];
    (void)state;
    for (uint64_t segment = 1; segment <= SEGMENTS; segment++) {
        journal_entry_log_path(path, folder, segment);
        unlink(path);
    }
    munmap(memory, shm_table_bytes(&shape));
    return rmdir(folder);
}

/* Files with a higher number are read later. */
static void write_entry(uint64_t segment, uint64_t since_ms, enum journal_state state,
                        uint64_t expires_ms)
{
    char path[JOURNAL_PATH_MAX];
    struct journal_entry entry = {
        .fence = 1, .since_ms = since_ms, .state = (uint8_t)state, .expires_ms = expires_ms
    };
    journal_entry_seal(&entry);
    journal_entry_log_path(path, folder, segment);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(&entry, sizeof(entry), 1, file), 1);
    fclose(file);
}

static struct submission_replay replay(void)
{
    struct submission_replay result;
    struct err e;
    memset(memory, 0, shm_table_bytes(&shape));
    struct shm_table *table = shm_table_new(memory, &shape, &e);
    assert_non_null(table);
    assert_int_equal(submission_replay_run(folder, table, secret, NOW_MS, &result, &e), 0);
    assert_int_equal(shm_table_count(table), result.records);
    shm_table_free(&table);
    return result;
}

static void expired_answer_ends_the_doubt_in_whatever_file_it_is(void **state)
{
    (void)state;
    write_entry(1, 1000, JOURNAL_ANSWERED, 2000);
    write_entry(2, 1000, JOURNAL_DISPATCHED, UINT64_MAX);
    assert_int_equal(replay().records, 0);
    write_entry(1, 1000, JOURNAL_DISPATCHED, UINT64_MAX);
    write_entry(2, 1000, JOURNAL_ANSWERED, 2000);
    assert_int_equal(replay().records, 0);
    write_entry(2, 1000, JOURNAL_ANSWERED, UINT64_MAX);
    assert_int_equal(replay().records, 1);
}

static void a_later_dispatch_outlives_the_answer_to_an_earlier_one(void **state)
{
    (void)state;
    write_entry(1, 3000, JOURNAL_DISPATCHED, UINT64_MAX);
    write_entry(2, 1000, JOURNAL_ANSWERED, 2000);
    write_entry(3, 1000, JOURNAL_DISPATCHED, UINT64_MAX);
    struct submission_replay result = replay();
    assert_int_equal(result.records, 1);
    assert_int_equal(result.entries, 3);
    assert_int_equal(result.segments, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(expired_answer_ends_the_doubt_in_whatever_file_it_is),
        TEST(a_later_dispatch_outlives_the_answer_to_an_earlier_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
