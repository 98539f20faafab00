/* Submissions of a node by itself: what a record becomes when its owner comes, goes and dies, and
 * what is left of it when the memory is lost. */
#include "common/clock.h"
#include "store/submission_record.h"
#include "store/submission_replay.h"
#include "store/submissions.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_MS (24u * 3600 * 1000)

static struct scene {
    struct loop loop;
    struct metrics metrics;
    struct store_region *region;
    struct store store;
    struct config config;
    struct arena arena;
    char folder[64], journal[80];
} s;

struct asked {
    struct submission_op op;
    bool done;
};

static void note_done(struct store_op *op)
{
    CONTAINER_OF(op, struct asked, op.op)->done = true;
}

static void open_store(void)
{
    static const struct config_store sizes = { .sessions = 100, .limits = 100, .submissions = 100 };
    char path[80];
    struct err e;
    s.config.store = sizes;
    s.config.store.journal_dir = s.journal;
    snprintf(path, sizeof(path), "%s/store", s.folder);
    s.region = store_region_open(path, &sizes, NULL, &e);
    assert_non_null(s.region);
    unlink(path);
    store_init(&s.store, &s.loop, s.region, 0, &s.metrics);
    store_apply(&s.store, &s.config);
}

static void close_store(void)
{
    store_fini(&s.store);
    uv_run(&s.loop.uv, UV_RUN_DEFAULT);
    store_region_free(&s.region);
}

static int set_up(void **state)
{
    (void)state;
    s = (struct scene){ .folder = "/tmp/test_submissions.XXXXXX" };
    if (!mkdtemp(s.folder) || loop_init(&s.loop) < 0)
        return -1;
    snprintf(s.journal, sizeof(s.journal), "%s/journal", s.folder);
    mkdir(s.journal, 0700);
    arena_init(&s.arena, NULL, 1 << 20);
    open_store();
    return 0;
}

static void empty_journal(void)
{
    char path[512];
    DIR *d = opendir(s.journal);
    for (const struct dirent *entry = readdir(d); entry; entry = readdir(d)) {
        snprintf(path, sizeof(path), "%s/%s", s.journal, entry->d_name);
        unlink(path);
    }
    closedir(d);
}

static int tear_down(void **state)
{
    (void)state;
    close_store();
    arena_fini(&s.arena);
    loop_fini(&s.loop);
    empty_journal();
    rmdir(s.journal);
    return rmdir(s.folder);
}

/* All that was in memory is gone. */
static struct submission_replay lose_memory(void)
{
    struct submission_replay result;
    struct err e;
    close_store();
    open_store();
    assert_int_equal(submission_replay_run(s.journal, s.store.tables[STORE_SUBMISSIONS],
                                           store_region_node(s.region)->table_key, clock_wall_ms(),
                                           &result, &e),
                     0);
    return result;
}

static struct asked ask_of(const char *key, const char *payload)
{
    struct asked a = { .op = { .op.on_done = note_done,
                               .arena = &s.arena,
                               .lease_ms = DAY_MS,
                               .ttl_ms = DAY_MS,
                               .whole = true } };
    struct slice parts[] = { slice_str(key) };
    digest_sha256(parts, 1, a.op.key);
    parts[0] = slice_str(payload);
    digest_sha256(parts, 1, a.op.fingerprint);
    return a;
}

typedef enum store_result (*step_fn)(struct store *store, struct submission_op *op);

/* Runs the step to its end. */
static enum submission_verdict step(step_fn fn, struct asked *a)
{
    loop_event_begin(&s.loop);
    a->done = fn(&s.store, &a->op) == STORE_DONE;
    loop_event_end(&s.loop);
    while (!a->done)
        uv_run(&s.loop.uv, UV_RUN_ONCE);
    return a->op.verdict;
}

static enum submission_verdict begin(const char *key, const char *payload)
{
    struct asked a = ask_of(key, payload);
    return step(submissions_begin, &a);
}

static struct asked begun(const char *key)
{
    struct asked a = ask_of(key, "payload");
    assert_int_equal(step(submissions_begin, &a), SUBMISSION_NEW);
    return a;
}

static struct asked sent(const char *key)
{
    struct asked a = begun(key);
    assert_int_equal(step(submissions_sent, &a), SUBMISSION_DONE);
    return a;
}

static void answer(struct asked *a, const char *body)
{
    a->op.status = 201;
    a->op.head = SLICE("X-Receipt: A-1\r\n");
    a->op.body = slice_str(body);
    assert_int_equal(step(submissions_complete, a), SUBMISSION_DONE);
}

static struct submission_record *find(const struct asked *a)
{
    struct shm_table *t = s.store.tables[STORE_SUBMISSIONS];
    struct siphash at = submission_record_place(store_region_node(s.region)->table_key, a->op.key);
    assert_int_equal(shm_table_lock(t, at), 0);
    struct submission_record *r = shm_table_find(t, at, 0);
    shm_table_unlock(t, at);
    return r;
}

static void end_lease(const struct asked *a)
{
    find(a)->lease_ms = clock_wall_ms();
}

/* ---- one after the other ---- */

static void first_is_new_and_others_wait(void **state)
{
    (void)state;
    struct asked a = begun("k");
    assert_int_equal(a.op.fence, 1);
    struct asked other = ask_of("k", "payload");
    assert_int_equal(step(submissions_begin, &other), SUBMISSION_BUSY);
    assert_in_range(other.op.retry_ms, 1, DAY_MS);
    assert_int_equal(begin("another", "payload"), SUBMISSION_NEW);
}

static void answer_is_given_again(void **state)
{
    (void)state;
    struct asked a = sent("k");
    answer(&a, "filed");
    struct asked again = ask_of("k", "payload");
    assert_int_equal(step(submissions_begin, &again), SUBMISSION_COMPLETE);
    assert_int_equal(again.op.status, 201);
    assert_true(again.op.whole);
    assert_true(slice_eq(again.op.head, SLICE("X-Receipt: A-1\r\n")));
    assert_true(slice_eq(again.op.body, SLICE("filed")));
    assert_int_equal(begin("k", "other"), SUBMISSION_MISMATCH);
}

static void answer_that_is_lost_is_still_an_answer(void **state)
{
    (void)state;
    struct asked a = sent("k");
    answer(&a, "filed");
    empty_journal();
    struct asked again = ask_of("k", "payload");
    assert_int_equal(step(submissions_begin, &again), SUBMISSION_COMPLETE);
    assert_false(again.op.whole);
    assert_int_equal(again.op.status, 201);
}

static void release_frees_the_key(void **state)
{
    (void)state;
    struct asked a = begun("k");
    assert_int_equal(step(submissions_release, &a), SUBMISSION_DONE);
    a = sent("k");
    assert_int_equal(step(submissions_release, &a), SUBMISSION_DONE);
    assert_int_equal(step(submissions_look, &a), SUBMISSION_NONE);
    assert_int_equal(step(submissions_complete, &a), SUBMISSION_LOST);
    assert_int_equal(begin("k", "other"), SUBMISSION_NEW);
}

static void no_fence_is_seen_twice(void **state)
{
    (void)state;
    for (unsigned fence = 1; fence <= 2; fence++) {
        struct asked a = sent("k");
        assert_int_equal(a.op.fence, fence);
        assert_int_equal(step(submissions_release, &a), SUBMISSION_DONE);
    }
    struct asked a = begun("k");
    assert_int_equal(step(submissions_release, &a), SUBMISSION_DONE);
    assert_int_equal(begun("k").op.fence, 4);
}

static void doubt_stays(void **state)
{
    (void)state;
    struct asked a = sent("k");
    assert_int_equal(step(submissions_doubt, &a), SUBMISSION_DONE);
    assert_int_equal(begin("k", "payload"), SUBMISSION_UNKNOWN);
    assert_int_equal(begin("k", "other"), SUBMISSION_MISMATCH);
    assert_int_equal(step(submissions_complete, &a), SUBMISSION_LOST);
}

/* ---- owners that die ---- */

static void what_was_never_sent_is_taken_over(void **state)
{
    (void)state;
    struct asked a = begun("k");
    end_lease(&a);
    struct asked other = ask_of("k", "other");
    assert_int_equal(step(submissions_begin, &other), SUBMISSION_NEW);
    assert_int_equal(other.op.fence, 2);
    assert_false(other.op.doubtful);
    assert_int_equal(step(submissions_sent, &a), SUBMISSION_LOST);
    assert_int_equal(step(submissions_sent, &other), SUBMISSION_DONE);
}

static void what_was_sent_is_unknown_when_its_lease_is_over(void **state)
{
    (void)state;
    struct asked a = sent("k");
    end_lease(&a);
    assert_int_equal(begin("k", "payload"), SUBMISSION_UNKNOWN);
    struct asked late = ask_of("k", "payload");
    answer(&a, "late, but true");
    assert_int_equal(step(submissions_begin, &late), SUBMISSION_COMPLETE);
}

static void unknown_is_taken_over_where_that_is_safe(void **state)
{
    (void)state;
    struct asked a = sent("k");
    end_lease(&a);
    struct asked other = ask_of("k", "payload");
    other.op.take_over = true;
    assert_int_equal(step(submissions_begin, &other), SUBMISSION_NEW);
    assert_int_equal(other.op.fence, 2);
    assert_true(other.op.doubtful);
    assert_int_equal(step(submissions_complete, &a), SUBMISSION_LOST);
    /* Not sent this time, and yet nobody knows about the first time. */
    assert_int_equal(step(submissions_release, &other), SUBMISSION_DONE);
    assert_int_equal(begin("k", "payload"), SUBMISSION_UNKNOWN);
    assert_int_equal(step(submissions_begin, &other), SUBMISSION_NEW);
    assert_int_equal(other.op.fence, 3);
    end_lease(&other);
    assert_int_equal(begin("k", "payload"), SUBMISSION_UNKNOWN);
}

static void lease_that_ends_while_the_disk_is_waited_for_is_noticed(void **state)
{
    (void)state;
    struct asked a = begun("k"), other = ask_of("k", "payload");
    a.done = false;
    loop_event_begin(&s.loop);
    assert_int_equal(submissions_sent(&s.store, &a.op), STORE_PENDING);
    loop_event_end(&s.loop);
    end_lease(&a);
    assert_int_equal(step(submissions_begin, &other), SUBMISSION_NEW);
    while (!a.done)
        uv_run(&s.loop.uv, UV_RUN_ONCE);
    assert_int_equal(a.op.verdict, SUBMISSION_LOST);
}

static void full_table_refuses_and_forgets_nobody(void **state)
{
    (void)state;
    char key[16];
    unsigned taken = 0;
    struct asked first = sent("first");
    for (unsigned i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "%u", i);
        enum submission_verdict verdict = begin(key, "payload");
        assert_true(verdict == SUBMISSION_NEW || verdict == SUBMISSION_FULL);
        taken += verdict == SUBMISSION_NEW;
    }
    assert_in_range(taken, 99, 299);
    answer(&first, "filed");
}

/* ---- a disk that does not take it ---- */

static void without_a_journal_nothing_is_sent(void **state)
{
    (void)state;
    rmdir(s.journal);
    struct asked a = begun("k");
    assert_int_equal(step(submissions_sent, &a), SUBMISSION_UNAVAILABLE);
    assert_int_equal(step(submissions_release, &a), SUBMISSION_DONE);
    uv_run(&s.loop.uv, UV_RUN_DEFAULT); /* what is said of the release fails, too */
    mkdir(s.journal, 0700);
    a = sent("k");
    answer(&a, "filed");
}

/* ---- memory that is lost ---- */

static void dispatch_is_in_doubt_when_the_memory_is_lost(void **state)
{
    (void)state;
    sent("k");
    assert_int_equal(lose_memory().records, 1);
    assert_int_equal(begin("k", "payload"), SUBMISSION_UNKNOWN);
    assert_int_equal(begin("k", "other"), SUBMISSION_MISMATCH);
}

static void answers_and_releases_are_read_back(void **state)
{
    (void)state;
    struct asked a = sent("answered"), b = sent("released"), c = sent("doubt");
    begun("begun");
    answer(&a, "filed");
    step(submissions_release, &b);
    step(submissions_doubt, &c);
    struct submission_replay result = lose_memory();
    assert_int_equal(result.entries, 6);
    assert_int_equal(result.torn, 0);
    struct asked again = ask_of("answered", "payload");
    assert_int_equal(step(submissions_begin, &again), SUBMISSION_COMPLETE);
    assert_true(slice_eq(again.op.body, SLICE("filed")));
    again = ask_of("released", "other");
    assert_int_equal(step(submissions_begin, &again), SUBMISSION_NEW);
    assert_int_equal(again.op.fence, 2);
    assert_int_equal(begin("doubt", "payload"), SUBMISSION_UNKNOWN);
    assert_int_equal(begin("begun", "payload"), SUBMISSION_NEW);
}

static void the_highest_fence_counts_in_whatever_file_it_is(void **state)
{
    (void)state;
    struct asked a = sent("k");
    end_lease(&a);
    struct asked other = ask_of("k", "payload");
    other.op.take_over = true;
    step(submissions_begin, &other);
    /* Another worker's files, with the lower number. */
    uint32_t slot = s.store.slot;
    submission_journal_free(&s.store.journal);
    s.store.journal = submission_journal_new(&s.loop, s.journal, slot + 1, true);
    step(submissions_sent, &other);
    answer(&other, "second");
    lose_memory();
    struct asked again = ask_of("k", "payload");
    assert_int_equal(step(submissions_begin, &again), SUBMISSION_COMPLETE);
    assert_true(slice_eq(again.op.body, SLICE("second")));
}

static void expired_answer_ends_the_doubt_before_it(void **state)
{
    (void)state;
    struct asked a = sent("k");
    a.op.ttl_ms = 0;
    answer(&a, "filed");
    assert_int_equal(lose_memory().records, 0);
    assert_int_equal(begin("k", "other"), SUBMISSION_NEW);
}

static void old_files_are_deleted_when_all_has_expired(void **state)
{
    (void)state;
    struct asked a = sent("k");
    answer(&a, "filed");
    assert_int_equal(submission_replay_clean(s.journal, clock_wall_ms() + 3600 * 1000), 0);
    /* Its writer holds it still. */
    assert_int_equal(submission_replay_clean(s.journal, clock_wall_ms() + 2ull * DAY_MS), 0);
    close_store();
    assert_int_equal(submission_replay_clean(s.journal, clock_wall_ms() + 3600 * 1000), 0);
    assert_int_equal(submission_replay_clean(s.journal, clock_wall_ms() + 2ull * DAY_MS), 1);
    open_store();
    assert_int_equal(lose_memory().segments, 0);
}

static void table_that_is_too_small_for_the_journal_stops_the_start(void **state)
{
    (void)state;
    char key[16];
    struct submission_replay result;
    struct err e;
    for (unsigned i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "%u", i);
        if (begin(key, "payload") == SUBMISSION_NEW)
            continue;
        break;
    }
    close_store();
    struct journal_entry entry = { .fence = 1,
                                   .state = JOURNAL_DISPATCHED,
                                   .expires_ms = UINT64_MAX };
    char path[JOURNAL_PATH_MAX];
    journal_entry_log_path(path, s.journal, 1);
    FILE *file = fopen(path, "w");
    for (unsigned i = 0; i < 1000; i++) {
        memcpy(entry.key, &i, sizeof(i));
        journal_entry_seal(&entry);
        fwrite(&entry, sizeof(entry), 1, file);
    }
    fclose(file);
    open_store();
    assert_int_equal(submission_replay_run(s.journal, s.store.tables[STORE_SUBMISSIONS],
                                           store_region_node(s.region)->table_key, clock_wall_ms(),
                                           &result, &e),
                     ERR_LIMIT);
    assert_non_null(strstr(e.text, "raise store.submissions"));
}

static void torn_entries_are_passed_over(void **state)
{
    (void)state;
    char path[JOURNAL_PATH_MAX];
    struct asked a = sent("k");
    answer(&a, "filed");
    journal_entry_log_path(path, s.journal, a.op.write.segment);
    FILE *file = fopen(path, "r+");
    fseek(file, JOURNAL_ENTRY_BYTES + 20, SEEK_SET); /* the answer's entry */
    fputs("torn", file);
    fseek(file, 0, SEEK_END);
    fputs("the beginning of another", file);
    fclose(file);
    struct submission_replay result = lose_memory();
    assert_int_equal(result.torn, 1);
    assert_int_equal(begin("k", "payload"), SUBMISSION_UNKNOWN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(first_is_new_and_others_wait),
        TEST(answer_is_given_again),
        TEST(answer_that_is_lost_is_still_an_answer),
        TEST(release_frees_the_key),
        TEST(no_fence_is_seen_twice),
        TEST(doubt_stays),
        TEST(what_was_never_sent_is_taken_over),
        TEST(what_was_sent_is_unknown_when_its_lease_is_over),
        TEST(unknown_is_taken_over_where_that_is_safe),
        TEST(lease_that_ends_while_the_disk_is_waited_for_is_noticed),
        TEST(full_table_refuses_and_forgets_nobody),
        TEST(without_a_journal_nothing_is_sent),
        TEST(dispatch_is_in_doubt_when_the_memory_is_lost),
        TEST(answers_and_releases_are_read_back),
        TEST(the_highest_fence_counts_in_whatever_file_it_is),
        TEST(expired_answer_ends_the_doubt_before_it),
        TEST(old_files_are_deleted_when_all_has_expired),
        TEST(table_that_is_too_small_for_the_journal_stops_the_start),
        TEST(torn_entries_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
