#include "observe/board_gates.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int make_board(void **state)
{
    struct err e;
    *state = board_create(&e);
    return *state ? 0 : -1;
}

static int drop_board(void **state)
{
    struct board *b = *state;
    board_free(&b);
    return 0;
}

/* What a child does with its descriptor; ends the child. */
typedef void (*child_fn)(struct board *b);

static pid_t start_child(struct board *b, child_fn run)
{
    int fd = dup(board_fd(b));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) {
        close(fd);
        return pid;
    }
    struct err e;
    struct board *mine = board_attach(fd, &e);
    if (!mine)
        _exit(1);
    run(mine);
    _exit(0);
}

static void wait_for_success(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void serve_three_requests(struct board *b)
{
    metrics_add(board_metrics(b, 3), COUNTER_REQUESTS, 3);
    metrics_gauge_set(board_metrics(b, 3), GAUGE_CONNECTIONS_OPEN, 2);
    struct series s =
        board_series(b, 3, SERIES_ROUTE, board_find(b, SERIES_ROUTE, SLICE("ha-noi")));
    for (uint64_t i = 1; i <= 3; i++)
        series_record(s, SERIES_2XX, 10, 100, i * 1000);
    int index = board_find(b, SERIES_PEER, SLICE("portal/127.0.0.1:9001"));
    struct series_peer peer = board_peer(b, 3, index);
    series_peer_begin(peer);
    series_peer_count(peer, SERIES_PEER_CONNECT);
}

static void a_child_writes_and_the_parent_reads(void **state)
{
    struct board *b = *state;
    int route = board_register(b, SERIES_ROUTE, SLICE("ha-noi"));
    int peer = board_register(b, SERIES_PEER, SLICE("portal/127.0.0.1:9001"));
    board_set_slot(b, 3, BOARD_SLOT_UP);
    wait_for_success(start_child(b, serve_three_requests));

    assert_int_equal(board_counter(b, COUNTER_REQUESTS), 3);
    assert_int_equal(board_gauge_sum(b, GAUGE_CONNECTIONS_OPEN), 2);
    struct series_counts counts = board_counts(b, SERIES_ROUTE, (uint32_t)route);
    assert_int_equal(counts.by_class[SERIES_2XX], 3);
    assert_int_equal(counts.bytes_out, 300);
    struct histogram latency = board_latency(b, SERIES_ROUTE, (uint32_t)route);
    assert_int_equal(histogram_count(&latency), 3);
    assert_int_equal(latency.sum_us, 6000);
    assert_int_equal(board_in_flight(b, peer), 1);
    struct series_peer_counts events = board_peer_counts(b, (uint32_t)peer);
    assert_int_equal(events.by_event[SERIES_PEER_REQUEST], 1);
    assert_int_equal(events.by_event[SERIES_PEER_CONNECT], 1);
    assert_int_equal(events.by_event[SERIES_PEER_FAILURE], 0);
}

static void serve_for_ever(struct board *b)
{
    struct metrics *m = board_metrics(b, 0);
    struct series s = board_series(b, 0, SERIES_ROUTE, 0);
    struct series_peer peer = board_peer(b, 0, 0);
    metrics_gauge_increment(m, GAUGE_CONNECTIONS_OPEN);
    for (uint64_t i = 0;; i++) {
        series_peer_begin(peer);
        series_record(s, SERIES_2XX, 1, 1, i % 5000);
        series_peer_end(peer);
        series_peer_begin(peer);
        metrics_add(m, COUNTER_REQUESTS, 1);
        series_peer_end(peer);
    }
}

static void a_child_killed_in_the_middle_leaves_nothing_to_repair(void **state)
{
    struct board *b = *state;
    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("r")), 0);
    assert_int_equal(board_register(b, SERIES_PEER, SLICE("u/p")), 0);
    uint64_t served = 0;
    for (int round = 0; round < 20; round++) {
        board_set_slot(b, 0, BOARD_SLOT_UP);
        pid_t pid = start_child(b, serve_for_ever);
        while (board_counter(b, COUNTER_REQUESTS) < served + 1000)
            sched_yield();
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        board_set_slot(b, 0, BOARD_SLOT_DOWN);

        /* The next one goes on from here. Each death cuts short one request at most. */
        served = board_counter(b, COUNTER_REQUESTS);
        uint64_t slack = (uint64_t)round + 1;
        struct series_counts counts = board_counts(b, SERIES_ROUTE, 0);
        assert_in_range(counts.by_class[SERIES_2XX], served, served + slack);
        struct histogram latency = board_latency(b, SERIES_ROUTE, 0);
        assert_in_range(histogram_count(&latency), served, served + slack);
        assert_int_equal(board_in_flight(b, 0), 0);
        assert_int_equal(board_gauge_sum(b, GAUGE_CONNECTIONS_OPEN), 0);
    }
}

static void names_keep_their_index_and_kinds_do_not_mix(void **state)
{
    struct board *b = *state;
    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("portal")), 0);
    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("ha-noi")), 1);
    assert_int_equal(board_register(b, SERIES_UPSTREAM, SLICE("ha-noi")), 0);
    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("ha-noi")), 1);

    assert_int_equal(board_find(b, SERIES_ROUTE, SLICE("ha-noi")), 1);
    assert_int_equal(board_find(b, SERIES_UPSTREAM, SLICE("ha-noi")), 0);
    assert_int_equal(board_find(b, SERIES_UPSTREAM, SLICE("portal")), -1);
    assert_int_equal(board_find(b, SERIES_ROUTE, SLICE("ha-no")), -1);
    assert_int_equal(board_find(b, SERIES_ROUTE, SLICE("")), -1);
    char name[BOARD_NAME_MAX + 1];
    assert_int_equal(board_name(b, SERIES_ROUTE, 1, name), 6);
    assert_string_equal(name, "ha-noi");
    assert_int_equal(board_name(b, SERIES_ROUTE, 2, name), 0);
}

static void names_out_of_bounds_are_refused(void **state)
{
    struct board *b = *state;
    char name[BOARD_NAME_MAX + 1];
    memset(name, 'x', sizeof(name));
    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("")), ERR_INVALID);
    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("a\0b")), ERR_INVALID);
    assert_int_equal(board_register(b, SERIES_ROUTE, slice_of(name, BOARD_NAME_MAX + 1)),
                     ERR_INVALID);
    assert_int_equal(board_register(b, SERIES_ROUTE, slice_of(name, BOARD_NAME_MAX)), 0);
    assert_int_equal(board_find(b, SERIES_ROUTE, slice_of(name, BOARD_NAME_MAX)), 0);
}

static void a_forgotten_name_disappears_and_may_come_back(void **state)
{
    struct board *b = *state;
    board_set_slot(b, 0, BOARD_SLOT_UP);
    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("old")), 0);
    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("stays")), 1);
    series_record(board_series(b, 0, SERIES_ROUTE, 0), SERIES_2XX, 0, 0, 1);
    board_forget_unused(b);
    assert_int_equal(board_find(b, SERIES_ROUTE, SLICE("old")), 0);

    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("stays")), 1);
    board_forget_unused(b);
    char name[BOARD_NAME_MAX + 1];
    assert_int_equal(board_find(b, SERIES_ROUTE, SLICE("old")), -1);
    assert_int_equal(board_name(b, SERIES_ROUTE, 0, name), 0);
    assert_int_equal(board_find(b, SERIES_ROUTE, SLICE("stays")), 1);

    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("new")), 2);
    assert_int_equal(board_register(b, SERIES_ROUTE, SLICE("old")), 0);
    assert_int_equal(board_counts(b, SERIES_ROUTE, 0).by_class[SERIES_2XX], 1);
}

static void register_numbered(struct board *b, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        char name[32];
        int len = snprintf(name, sizeof(name), "upstream-%u", i);
        assert_true(board_register(b, SERIES_UPSTREAM, slice_of(name, (size_t)len)) >= 0);
    }
}

static void a_full_table_reuses_the_place_forgotten_longest(void **state)
{
    struct board *b = *state;
    board_set_slot(b, 0, BOARD_SLOT_UP);
    register_numbered(b, 0, BOARD_UPSTREAMS_MAX);
    assert_int_equal(board_register(b, SERIES_UPSTREAM, SLICE("more")), ERR_LIMIT);
    struct series s = board_series(b, 0, SERIES_UPSTREAM, 0);
    series_record(s, SERIES_2XX, 5, 5, 1000);
    board_forget_unused(b);

    register_numbered(b, 1, BOARD_UPSTREAMS_MAX);
    board_forget_unused(b); /* upstream-0 */
    register_numbered(b, 2, BOARD_UPSTREAMS_MAX);
    board_forget_unused(b); /* upstream-1 */

    assert_int_equal(board_register(b, SERIES_UPSTREAM, SLICE("more")), 0);
    assert_int_equal(board_counts(b, SERIES_UPSTREAM, 0).by_class[SERIES_2XX], 0);
    assert_int_equal(histogram_count(s.latency), 0);
    assert_int_equal(board_find(b, SERIES_UPSTREAM, SLICE("upstream-0")), -1);
    assert_int_equal(board_register(b, SERIES_UPSTREAM, SLICE("even more")), 1);
    assert_int_equal(board_register(b, SERIES_UPSTREAM, SLICE("too much")), ERR_LIMIT);
}

static void a_reused_peer_begins_with_nothing_in_flight(void **state)
{
    struct board *b = *state;
    board_set_slot(b, 5, BOARD_SLOT_UP);
    for (uint32_t i = 0; i < BOARD_PEERS_MAX; i++) {
        char name[32];
        int len = snprintf(name, sizeof(name), "u/%u", i);
        assert_int_equal(board_register(b, SERIES_PEER, slice_of(name, (size_t)len)), (int)i);
    }
    struct series_peer peer = board_peer(b, 5, 0);
    series_peer_begin(peer);
    board_forget_unused(b);
    board_forget_unused(b);
    assert_int_equal(board_register(b, SERIES_PEER, SLICE("u/new")), 0);
    assert_int_equal(board_in_flight(b, 0), 0);
    series_peer_end(peer);
    assert_int_equal(board_in_flight(b, 0), 0);
}

static void the_least_gauge_is_that_of_processes_that_are_up(void **state)
{
    struct board *b = *state;
    assert_int_equal(board_gauge_min(b, GAUGE_CONFIG_GENERATION), 0);
    board_set_slot(b, 0, BOARD_SLOT_UP);
    board_set_slot(b, 1, BOARD_SLOT_UP);
    board_set_slot(b, BOARD_KEEPER, BOARD_SLOT_UP);
    metrics_gauge_set(board_metrics(b, 0), GAUGE_CONFIG_GENERATION, 4);
    metrics_gauge_set(board_metrics(b, 1), GAUGE_CONFIG_GENERATION, 3);
    metrics_gauge_set(board_metrics(b, BOARD_KEEPER), GAUGE_CONFIG_GENERATION, 5);
    assert_int_equal(board_gauge_min(b, GAUGE_CONFIG_GENERATION), 3);
    board_set_slot(b, 1, BOARD_SLOT_DOWN);
    assert_int_equal(board_gauge_min(b, GAUGE_CONFIG_GENERATION), 4);
}

static void a_retired_worker_still_counts(void **state)
{
    struct board *b = *state;
    board_set_slot(b, 7, BOARD_SLOT_UP);
    metrics_add(board_metrics(b, 7), COUNTER_REQUESTS, 9);
    board_set_slot(b, 7, BOARD_SLOT_RETIRED);
    assert_int_equal(board_counter(b, COUNTER_REQUESTS), 9);
    assert_int_equal(board_slot(b, 7), BOARD_SLOT_RETIRED);
    assert_int_equal(board_slot(b, 8), BOARD_SLOT_UNUSED);
}

static void set_ticket(struct board *b)
{
    assert(board_state(b, BOARD_READY) == 1);
    memset(board_ticket_section(b), 0x5a, BOARD_TICKET_BYTES);
}

static void states_and_tickets_are_shared(void **state)
{
    struct board *b = *state;
    board_set_state(b, BOARD_READY, 1);
    unsigned char expected[BOARD_TICKET_BYTES] = { 0 };
    assert_int_equal((uintptr_t)board_ticket_section(b) % 64, 0);
    assert_memory_equal(board_ticket_section(b), expected, sizeof(expected));
    wait_for_success(start_child(b, set_ticket));
    memset(expected, 0x5a, sizeof(expected));
    assert_memory_equal(board_ticket_section(b), expected, sizeof(expected));
}

static void a_place_that_does_not_exist_counts_nothing(void **state)
{
    struct board *b = *state;
    assert_null(board_series(b, 0, SERIES_ROUTE, -1).counts);
    assert_null(board_peer(b, 0, -1).counts);
    assert_int_equal(board_in_flight(b, -1), 0);
}

static off_t kib_in_use(const struct board *b)
{
    struct stat st;
    assert_int_equal(fstat(board_fd(b), &st), 0);
    return st.st_blocks / 2;
}

static void only_what_is_touched_costs_memory(void **state)
{
    struct board *b = *state;
    assert_true(kib_in_use(b) <= 8);
    for (uint32_t slot = 0; slot < 8; slot++) {
        board_set_slot(b, slot, BOARD_SLOT_UP);
        metrics_add(board_metrics(b, slot), COUNTER_REQUESTS, 1);
        for (int i = 0; i < 5; i++)
            series_record(board_series(b, slot, SERIES_ROUTE, i), SERIES_2XX, 1, 1, 1000);
    }
    off_t before = kib_in_use(b);
    assert_true(before <= 8 * 24 + 8);
    /* Reading a series that nobody used does not bring its histogram into being. */
    for (uint32_t i = 5; i < 25; i++) {
        struct histogram latency = board_latency(b, SERIES_ROUTE, i);
        assert_int_equal(histogram_count(&latency), 0);
    }
    assert_int_equal(kib_in_use(b), before);
}

static void a_child_cannot_shrink_it(void **state)
{
    struct board *b = *state;
    assert_int_equal(ftruncate(board_fd(b), 4096), -1);
}

static void what_is_not_a_board_is_refused(void **state)
{
    struct board *b = *state;
    struct stat st;
    struct err e;
    int small = memfd_create("small", MFD_CLOEXEC);
    assert_int_equal(ftruncate(small, 4096), 0);
    assert_null(board_attach(small, &e));
    assert_int_equal(fcntl(small, F_GETFD), -1);

    assert_int_equal(fstat(board_fd(b), &st), 0);
    int empty = memfd_create("empty", MFD_CLOEXEC);
    assert_int_equal(ftruncate(empty, st.st_size), 0);
    assert_null(board_attach(empty, &e));
    assert_string_equal(e.text, "shared memory: made by another version of this program");
    assert_null(board_attach(-1, &e));
}

static void gates_go_with_their_names_and_workers(void **state)
{
    struct board *b = *state;
    int gate = board_system_gate(board_register(b, SERIES_SYSTEM, SLICE("dan-cu")));
    struct gate_cell *cells = board_gate_cells(b, gate);
    gate_set32(&cells[2].in_flight, 3);
    gate_set32(&cells[2].waiting, 4);
    counter_add(&cells[2].answers, 5);
    board_set_slot(b, 2, BOARD_SLOT_UP);
    board_set_slot(b, 2, BOARD_SLOT_DOWN);
    assert_int_equal(gate_read32(&cells[2].in_flight), 0);
    assert_int_equal(gate_read32(&cells[2].waiting), 0);
    assert_int_equal(counter_read(&cells[2].answers), 5);
    for (unsigned i = 0; i < BOARD_SYSTEMS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "system-%u", i);
        board_forget_unused(b);
        assert_true(board_register(b, SERIES_SYSTEM, slice_str(name)) >= 0);
    }
    assert_int_equal(counter_read(&cells[2].answers), 0); /* another one has its place */
}

static void each_gate_has_a_number_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(board_upstream_gate(0, GATE_READ), 0);
    assert_int_equal(board_upstream_gate(BOARD_UPSTREAMS_MAX - 1, GATE_SUBMIT) + 1,
                     board_system_gate(0));
    assert_int_equal(board_system_gate(BOARD_SYSTEMS_MAX - 1), BOARD_GATES - 1);
    assert_int_equal(board_system_gate(-1), -1);
    assert_int_equal(board_upstream_gate(-1, GATE_READ), -1);
}

#define BOARD_TEST(test) cmocka_unit_test_setup_teardown(test, make_board, drop_board)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOARD_TEST(gates_go_with_their_names_and_workers),
        BOARD_TEST(each_gate_has_a_number_of_its_own),
        BOARD_TEST(a_child_writes_and_the_parent_reads),
        BOARD_TEST(a_child_killed_in_the_middle_leaves_nothing_to_repair),
        BOARD_TEST(names_keep_their_index_and_kinds_do_not_mix),
        BOARD_TEST(names_out_of_bounds_are_refused),
        BOARD_TEST(a_forgotten_name_disappears_and_may_come_back),
        BOARD_TEST(a_full_table_reuses_the_place_forgotten_longest),
        BOARD_TEST(a_reused_peer_begins_with_nothing_in_flight),
        BOARD_TEST(the_least_gauge_is_that_of_processes_that_are_up),
        BOARD_TEST(a_retired_worker_still_counts),
        BOARD_TEST(states_and_tickets_are_shared),
        BOARD_TEST(a_place_that_does_not_exist_counts_nothing),
        BOARD_TEST(only_what_is_touched_costs_memory),
        BOARD_TEST(a_child_cannot_shrink_it),
        BOARD_TEST(what_is_not_a_board_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
