#include "net/address_counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MINUTE_MS ADDRESS_COUNTS_WINDOW_MS
#define START_MS (1000 * MINUTE_MS)

static struct board *board;
static struct address_counts first, second; /* two workers */

static int set_up(void **state)
{
    struct err e;
    (void)state;
    board = board_create(&e);
    if (!board)
        return -1;
    board_set_slot(board, 0, BOARD_SLOT_UP);
    board_set_slot(board, 3, BOARD_SLOT_UP);
    address_counts_init(&first, board, 0);
    address_counts_init(&second, board, 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    board_free(&board);
    return 0;
}

static struct address_counts_place place(const char *prefix)
{
    return address_counts_place(&first, slice_str(prefix));
}

static void begin(struct address_counts *c, struct address_counts_place p, uint64_t now_ms,
                  uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        address_counts_begin(c, p, now_ms);
}

static void connections_of_all_workers_count(void **state)
{
    (void)state;
    address_counts_add(&first, place("a"), 1);
    address_counts_add(&second, place("a"), 1);
    address_counts_add(&second, place("a"), 1);
    assert_int_equal(address_counts_open(&first, place("a")), 3);
    assert_int_equal(address_counts_open(&second, place("a")), 3);
    assert_int_equal(address_counts_open(&first, place("b")), 0);
    address_counts_add(&second, place("a"), -1);
    assert_int_equal(address_counts_open(&first, place("a")), 2);
}

static void many_others_hardly_matter(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 50000; i++) {
        struct slice ip = slice_of((const char *)&i, sizeof(i));
        address_counts_add(&first, address_counts_place(&first, ip), 1);
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 50000; i++) {
        struct slice ip = slice_of((const char *)&i, sizeof(i));
        uint32_t open = address_counts_open(&first, address_counts_place(&first, ip));
        assert_in_range(open, 1, 12);
        sum += open;
    }
    assert_in_range(sum, 50000, 3 * 50000);
}

static void the_dead_have_no_connections(void **state)
{
    (void)state;
    address_counts_add(&first, place("a"), 1);
    address_counts_add(&second, place("a"), 1);
    begin(&second, place("a"), START_MS, 5);
    board_set_slot(board, 3, BOARD_SLOT_DOWN);
    assert_int_equal(address_counts_open(&first, place("a")), 1);
    assert_int_equal(address_counts_begun(&first, place("a"), START_MS), 0);
}

static void handshakes_of_all_workers_count_for_a_minute(void **state)
{
    (void)state;
    begin(&first, place("a"), START_MS + 10, 40);
    begin(&second, place("a"), START_MS + 20, 20);
    assert_int_equal(address_counts_begun(&first, place("a"), START_MS + MINUTE_MS - 1), 60);
    assert_int_equal(address_counts_begun(&first, place("a"), START_MS + MINUTE_MS), 60);
    assert_int_equal(address_counts_begun(&first, place("a"), START_MS + 3 * MINUTE_MS / 2), 30);
    assert_int_equal(address_counts_begun(&first, place("a"), START_MS + 2 * MINUTE_MS), 0);
    assert_int_equal(address_counts_begun(&first, place("b"), START_MS + 20), 0);
}

static void handshakes_go_on_from_minute_to_minute(void **state)
{
    (void)state;
    begin(&first, place("a"), START_MS, 10);
    begin(&first, place("a"), START_MS + MINUTE_MS, 10);
    assert_int_equal(address_counts_begun(&first, place("a"), START_MS + MINUTE_MS), 20);
    assert_int_equal(address_counts_begun(&first, place("a"), START_MS + 3 * MINUTE_MS / 2), 15);
    begin(&first, place("a"), START_MS + 9 * MINUTE_MS, 1);
    assert_int_equal(address_counts_begun(&first, place("a"), START_MS + 9 * MINUTE_MS), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connections_of_all_workers_count),
        TEST(many_others_hardly_matter),
        TEST(the_dead_have_no_connections),
        TEST(handshakes_of_all_workers_count_for_a_minute),
        TEST(handshakes_go_on_from_minute_to_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
