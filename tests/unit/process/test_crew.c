/* Real processes: the crew executes /proc/self/exe, which is this test, and main() plays a child
 * that applies whatever it is given and leaves when it is told to. Time is an argument, so nothing
 * waits for a clock. */
#include "process/crew_events.h"

#include "common/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define GIVE_UP_MS 20000 /* a test that waits so long has failed */
#define SHUTDOWN_MS 5000

/* --- the child ------------------------------------------------------------------------------ */

static void answer(enum channel_kind kind, uint32_t generation)
{
    struct err e;
    if (channel_say(CHILD_CHANNEL_FD, kind, generation, NULL, &e) < 0)
        _exit(3);
}

/* Even numbers of generations are refused. */
static void play_config(uint32_t generation)
{
    answer(generation % 2 ? CHANNEL_APPLIED : CHANNEL_REJECTED, generation);
}

static int play_child(void)
{
    for (;;) {
        struct channel_message message;
        struct channel_files files;
        struct pollfd watched = { .fd = CHILD_CHANNEL_FD, .events = POLLIN };
        poll(&watched, 1, -1);
        enum channel_status status = channel_receive(CHILD_CHANNEL_FD, &message, &files);
        channel_files_close(&files);
        if (status != CHANNEL_MESSAGE)
            return 4;
        if (message.kind == CHANNEL_CONFIG)
            play_config(message.generation);
        if (message.kind == CHANNEL_DRAIN) {
            answer(CHANNEL_DRAINED, 0);
            return 0;
        }
    }
}

/* --- the crew ------------------------------------------------------------------------------- */

struct fixture {
    struct board *board;
    struct config config;
    struct generation generation;
    struct log_files logs;
    struct crew crew;
};

static int setup(void **state)
{
    static struct fixture f;
    struct err e;
    f = (struct fixture){ .config = { .file = "cong.yaml", .timeouts.shutdown_ms = SHUTDOWN_MS },
                          .generation = { .number = 1, .config = &f.config, .sealed_fd = -1 },
                          .logs = { .error = -1, .access = -1 } };
    f.board = board_create(&e);
    if (!f.board)
        return -1;
    crew_init(&f.crew, f.board, &f.generation, &f.logs,
              (struct child_launch){ .board_fd = board_fd(f.board),
                                     .store_fd = board_fd(f.board), /* the child opens neither */
                                     .privileges = { .uid = getuid(), .gid = getgid() } });
    f.crew.worker_count = 2;
    *state = &f;
    return 0;
}

static void bury_all(struct crew *crew)
{
    crew->leaving = true;
    for (uint32_t slot = 0; slot < CHILD_SLOTS; slot++) {
        struct child *c = &crew->children[slot];
        if (!child_is_alive(c))
            continue;
        child_kill(c);
        waitpid(c->pid, NULL, 0);
        close(c->channel);
    }
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bury_all(&f->crew);
    crew_fini(&f->crew);
    board_free(&f->board);
    return 0;
}

static void listen_once(struct crew *crew)
{
    struct pollfd watched[CHILD_SLOTS];
    size_t count = crew_events_watch(crew, watched);
    assert_true(poll(watched, count, GIVE_UP_MS) > 0);
    crew_events_run(crew, watched, count);
}

static void wait_for_live(struct crew *crew, uint64_t slots)
{
    while (crew_live_workers(crew) != slots || crew->children[CHILD_KEEPER].state != CHILD_RUNNING)
        listen_once(crew);
}

static void start_all(struct fixture *f)
{
    crew_fill(&f->crew, 1000);
    wait_for_live(&f->crew, 0x3);
}

/* Returns when the process is dead; crew_events_reap() will find it. */
static void wait_for_death(pid_t pid)
{
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void kill_child(struct crew *crew, uint32_t slot, uint64_t now_ms)
{
    pid_t pid = crew->children[slot].pid;
    kill(pid, SIGKILL);
    wait_for_death(pid);
    crew_events_reap(crew, now_ms);
}

static void starts_the_keeper_and_every_worker(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    assert_int_equal(crew_workers(&f->crew), 0x3);
    assert_int_equal(board_slot(f->board, 0), BOARD_SLOT_UP);
    assert_int_equal(board_slot(f->board, BOARD_KEEPER), BOARD_SLOT_UP);
    assert_int_equal(board_slot(f->board, 2), BOARD_SLOT_UNUSED);
    crew_events_tick(&f->crew, 2000);
    assert_int_equal(crew_events_due_ms(&f->crew), 3000); /* nothing but the balance */
}

static void gives_more_to_the_worker_that_holds_fewer(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    crew_balance(&f->crew, 1000);
    assert_int_equal(f->crew.weights[0], f->crew.weights[1]);
    metrics_gauge_set(board_metrics(f->board, 0), GAUGE_CONNECTIONS_OPEN, 900);
    metrics_gauge_set(board_metrics(f->board, 1), GAUGE_CONNECTIONS_OPEN, 500);
    crew_events_tick(&f->crew, 1999);
    assert_int_equal(f->crew.weights[0], f->crew.weights[1]);
    crew_events_tick(&f->crew, 2000);
    assert_true(f->crew.weights[0] < f->crew.weights[1]);
    assert_int_equal(f->crew.weights[2], 0);
}

static void balances_the_full_when_all_are_full(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    f->crew.children[0].full = true;
    metrics_gauge_set(board_metrics(f->board, 0), GAUGE_CONNECTIONS_OPEN, 900);
    metrics_gauge_set(board_metrics(f->board, 1), GAUGE_CONNECTIONS_OPEN, 800);
    crew_balance(&f->crew, 1000);
    assert_int_equal(f->crew.weights[0], 0);
    assert_true(f->crew.weights[1] > 0);
    f->crew.children[1].full = true;
    crew_balance(&f->crew, 2000);
    assert_true(f->crew.weights[0] > 0);
    assert_true(f->crew.weights[0] < f->crew.weights[1]);
}

static void starts_a_killed_worker_again_and_leaves_the_others_alone(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    crew_balance(&f->crew, 2000);
    pid_t first = f->crew.children[0].pid, second = f->crew.children[1].pid;
    metrics_gauge_set(board_metrics(f->board, 0), GAUGE_REQUESTS_ACTIVE, 5);
    kill_child(&f->crew, 0, 2000);
    assert_int_equal(crew_live_workers(&f->crew), 0x2);
    assert_int_equal(board_slot(f->board, 0), BOARD_SLOT_DOWN);
    assert_int_equal(metrics_gauge(board_metrics(f->board, 0), GAUGE_REQUESTS_ACTIVE), 0);
    assert_int_equal(board_state(f->board, BOARD_RESTARTS), 1);
    assert_int_equal(crew_events_due_ms(&f->crew), 2000);
    crew_events_tick(&f->crew, 2000);
    wait_for_live(&f->crew, 0x3);
    assert_int_not_equal(f->crew.children[0].pid, first);
    assert_int_equal(f->crew.children[1].pid, second);
}

static void makes_one_that_keeps_dying_wait(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    kill_child(&f->crew, CHILD_KEEPER, 2000);
    crew_events_tick(&f->crew, 2000);
    kill_child(&f->crew, CHILD_KEEPER, 3000);
    crew_events_tick(&f->crew, 3099);
    assert_int_equal(f->crew.children[CHILD_KEEPER].state, CHILD_WAITING);
    crew_events_tick(&f->crew, 3100);
    wait_for_live(&f->crew, 0x3);
}

static void takes_a_surplus_worker_off_new_connections_before_it_leaves(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    f->crew.worker_count = 1;
    crew_fill(&f->crew, 2000);
    assert_int_equal(crew_live_workers(&f->crew), 0x1);
    assert_int_equal(f->crew.children[1].state, CHILD_RETIRING);
    pid_t pid = f->crew.children[1].pid;
    crew_events_tick(&f->crew, 2000 + CHILD_RETIRE_MS);
    assert_int_equal(f->crew.children[1].state, CHILD_LEAVING);
    wait_for_death(pid);
    crew_events_reap(&f->crew, 6000);
    assert_int_equal(f->crew.children[1].state, CHILD_ABSENT);
    assert_int_equal(board_slot(f->board, 1), BOARD_SLOT_RETIRED);
    assert_int_equal(f->crew.unclean, 0);
}

static void gives_a_new_worker_a_slot_that_nobody_is_leaving(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    f->crew.worker_count = 1;
    crew_fill(&f->crew, 2000);
    f->crew.worker_count = 2;
    crew_fill(&f->crew, 2001);
    wait_for_live(&f->crew, 0x5);
}

static void kills_a_worker_that_does_not_leave_in_time(void **state)
{
    struct fixture *f = *state;
    start_all(f);
    pid_t pid = f->crew.children[1].pid;
    kill(pid, SIGSTOP);
    crew_drain(&f->crew, SHUTDOWN_MS, 2000);
    wait_for_death(f->crew.children[0].pid);
    crew_events_reap(&f->crew, 2001);
    assert_true(crew_has_workers(&f->crew));
    crew_events_tick(&f->crew, 2000 + SHUTDOWN_MS + CHILD_LATE_MS);
    wait_for_death(pid);
    crew_events_reap(&f->crew, 9000);
    assert_false(crew_has_workers(&f->crew));
    assert_int_equal(f->crew.unclean, 1);
    assert_true(child_is_alive(&f->crew.children[CHILD_KEEPER]));
}

static void kills_a_process_that_never_applies_its_first_configuration(void **state)
{
    struct fixture *f = *state;
    f->generation.number = 2;
    crew_fill(&f->crew, 1000);
    pid_t pid = f->crew.children[0].pid;
    crew_events_tick(&f->crew, 1000 + CHILD_START_MS);
    wait_for_death(pid);
    crew_events_reap(&f->crew, 40000);
    assert_int_equal(f->crew.children[0].restarts, 1);
    assert_int_equal(f->crew.unclean, 0);
}

static bool has_settled(struct crew *crew, char *text, size_t size)
{
    struct buf problems;
    buf_init(&problems, size - 1);
    bool settled = crew_has_settled(crew, &problems);
    snprintf(text, size, "%.*s", SLICE_ARG(buf_slice(&problems)));
    buf_fini(&problems);
    return settled;
}

static void settles_when_everybody_has_applied(void **state)
{
    struct fixture *f = *state;
    char text[256];
    start_all(f);
    f->generation.number = 3;
    assert_false(has_settled(&f->crew, text, sizeof(text)));
    assert_string_equal(text, "worker 0 has not applied it\nworker 1 has not applied it\n"
                              "keeper has not applied it\n");
    crew_configure_keeper(&f->crew, 0);
    crew_configure_workers(&f->crew);
    while (!has_settled(&f->crew, text, sizeof(text)))
        listen_once(&f->crew);
    assert_string_equal(text, "");
}

static void settles_when_it_was_refused_and_says_by_whom(void **state)
{
    struct fixture *f = *state;
    char text[256];
    start_all(f);
    f->generation.number = 4;
    crew_configure_keeper(&f->crew, 0);
    crew_configure_workers(&f->crew);
    while (!has_settled(&f->crew, text, sizeof(text)))
        listen_once(&f->crew);
    assert_string_equal(text, "worker 0 rejected it\nworker 1 rejected it\nkeeper rejected it\n");
    assert_int_equal(crew_live_workers(&f->crew), 0x3);
}

int main(int argc, char **argv)
{
    if (argc == 4 && argv[1][0] == '_')
        return play_child();
    log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC)); /* deaths are what this is about */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(starts_the_keeper_and_every_worker, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_more_to_the_worker_that_holds_fewer, setup, teardown),
        cmocka_unit_test_setup_teardown(balances_the_full_when_all_are_full, setup, teardown),
        cmocka_unit_test_setup_teardown(starts_a_killed_worker_again_and_leaves_the_others_alone,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(makes_one_that_keeps_dying_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_a_surplus_worker_off_new_connections_before_it_leaves,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(gives_a_new_worker_a_slot_that_nobody_is_leaving, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(kills_a_worker_that_does_not_leave_in_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(kills_a_process_that_never_applies_its_first_configuration,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(settles_when_everybody_has_applied, setup, teardown),
        cmocka_unit_test_setup_teardown(settles_when_it_was_refused_and_says_by_whom, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
