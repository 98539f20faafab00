#include "pipeline/spool.h"

#include "common/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define QUOTA (4u * 1024 * 1024)
#define PIECE_MAX 50000

/* A body whose bytes tell where they stand. */
struct scene {
    struct loop loop;
    struct board *board;
    struct spool_room room;
    struct spool spool;
    struct random random;
    uint64_t written, read;
    int ready;
};

static struct scene *scene; /* of the test that runs: on_ready has no other way to it */

static void on_ready(struct spool *s)
{
    assert_ptr_equal(s, &scene->spool);
    scene->ready++;
}

static void begin(struct scene *s, const char *dir, uint32_t memory, uint64_t file_max)
{
    const struct config_spool config = { .dir = dir, .memory_bytes = memory, .quota_bytes = QUOTA };
    spool_init(&s->spool, &s->room, &config, file_max, on_ready);
}

static int set_up(void **state)
{
    struct err e;
    scene = *state = calloc(1, sizeof(*scene));
    assert_int_equal(loop_init(&scene->loop), 0);
    scene->board = board_create(&e);
    assert_non_null(scene->board);
    scene->room = (struct spool_room){ .loop = &scene->loop, .board = scene->board };
    board_set_slot(scene->board, 0, BOARD_SLOT_UP);
    scene->random = (struct random){ { 1, 2, 3, 4 } };
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    spool_fini(&s->spool);
    assert_int_equal(s->room.memory_bytes, 0);
    assert_int_equal(board_gauge_sum(s->board, GAUGE_SPOOL_BYTES), 0);
    loop_fini(&s->loop);
    board_free(&s->board);
    free(s);
    return 0;
}

static char byte_at(uint64_t at)
{
    return (char)(at ^ (at >> 8) * 31 ^ (at >> 16) * 7);
}

static void wait_for_disk(struct scene *s)
{
    while (s->spool.job)
        uv_run(&s->loop.uv, UV_RUN_ONCE);
}

static enum spool_result push(struct scene *s, size_t len)
{
    static char piece[PIECE_MAX];
    for (size_t i = 0; i < len; i++)
        piece[i] = byte_at(s->written + i);
    s->written += len;
    return spool_push(&s->spool, slice_of(piece, len));
}

static enum spool_result take(struct scene *s)
{
    struct slice piece;
    enum spool_result result = spool_read(&s->spool, &piece);
    if (result != SPOOL_OK)
        return result;
    for (size_t i = 0; i < piece.len; i++)
        if (piece.data[i] != byte_at(s->read + i))
            fail_msg("byte %llu is another", (unsigned long long)(s->read + i));
    s->read += piece.len;
    return result;
}

static void take_all(struct scene *s)
{
    enum spool_result result;
    do {
        result = take(s);
        wait_for_disk(s);
    } while (result == SPOOL_OK || result == SPOOL_WAIT);
    assert_int_equal(result, SPOOL_END);
    assert_int_equal(s->read, s->written);
}

/* Whoever reads may be ahead of the disk, behind it, or have read all several times. */
static void mix(struct scene *s)
{
    for (int turn = 0; turn < 400; turn++) {
        enum spool_result result = SPOOL_OK;
        if (random_below(&s->random, 2))
            result = push(s, random_below(&s->random, PIECE_MAX) + 1);
        else if (take(s) == SPOOL_END)
            spool_reset(&s->spool);
        if (random_below(&s->random, 3) == 0)
            wait_for_disk(s);
        if (result == SPOOL_FULL) {
            take_all(s);
            spool_reset(&s->spool);
        }
        if (s->spool.bytes == 0)
            s->read = s->written;
    }
    wait_for_disk(s);
    take_all(s);
}

static void what_is_read_is_what_was_written(void **state)
{
    struct scene *s = *state;
    begin(s, "/tmp", 64 * 1024, UINT64_MAX);
    mix(s);
    assert_true(s->ready > 0);
}

static void memory_alone_serves_as_well(void **state)
{
    struct scene *s = *state;
    begin(s, "/nowhere", 64 * 1024, 0);
    mix(s);
    assert_int_equal(s->ready, 0);
    assert_true(s->spool.fd < 0);
}

static void disk_that_fails_loses_nothing(void **state)
{
    struct scene *s = *state;
    begin(s, "/nowhere", 64 * 1024, UINT64_MAX);
    mix(s);
    assert_int_equal(s->ready, 1);
    assert_int_equal(s->spool.file_max, 0);
}

static void longer_body_than_a_file_may_be_stays_in_memory(void **state)
{
    struct scene *s = *state;
    begin(s, "/tmp", 16 * 1024, 100 * 1000);
    assert_int_equal(push(s, 50000), SPOOL_WAIT);
    wait_for_disk(s);
    assert_int_equal(push(s, 40000), SPOOL_WAIT);
    wait_for_disk(s);
    assert_int_equal(push(s, 40000), SPOOL_FULL);
    assert_int_equal(s->spool.file_bytes, 90000);
    take_all(s);
}

static void quota_is_shared_and_given_back(void **state)
{
    struct scene *s = *state;
    begin(s, "/tmp", 16 * 1024, UINT64_MAX);
    enum spool_result result = SPOOL_WAIT;
    while (result == SPOOL_WAIT) {
        result = push(s, 50000);
        wait_for_disk(s);
    }
    assert_int_equal(result, SPOOL_FULL);
    assert_true(board_gauge_sum(s->board, GAUGE_SPOOL_BYTES) <= QUOTA);
    take_all(s);
    spool_rewind(&s->spool);
    assert_int_equal(spool_write(&s->spool, SLICE("refused")), SPOOL_FULL);
    s->read = 0;
    take_all(s); /* it is still there, and nothing behind it */
}

static void many_spools_of_a_worker_go_to_their_files_sooner(void **state)
{
    struct scene *s = *state;
    begin(s, "/tmp", 128 * 1024, UINT64_MAX);
    assert_int_equal(push(s, 50000), SPOOL_OK);
    s->room.memory_bytes += 64ul * 1024 * 1024; /* others have it all */
    assert_int_equal(push(s, 1), SPOOL_WAIT);
    s->room.memory_bytes -= 64ul * 1024 * 1024;
    wait_for_disk(s);
    take_all(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_read_is_what_was_written),
        TEST(memory_alone_serves_as_well),
        TEST(disk_that_fails_loses_nothing),
        TEST(longer_body_than_a_file_may_be_stays_in_memory),
        TEST(quota_is_shared_and_given_back),
        TEST(many_spools_of_a_worker_go_to_their_files_sooner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
