#include "bench/run/program.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 30000

static char log_path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(log_path, sizeof(log_path), "/tmp/test_program.XXXXXX");
    int fd = mkstemp(log_path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(log_path);
}

static struct program started(int (*call)(void *), void *argument)
{
    struct program p;
    struct err e;
    struct program_launch how = {
        .call = call, .argument = argument, .log_path = log_path, .death_signal = SIGKILL
    };
    assert_int_equal(program_start(&p, "child", &how, &e), 0);
    return p;
}

static int return_seven(void *argument)
{
    (void)argument;
    puts("seven");
    return 7;
}

static int sleep_for_ever(void *argument)
{
    (void)argument;
    for (;;)
        pause();
    return 0;
}

static int ignore_and_sleep(void *argument)
{
    signal(SIGTERM, SIG_IGN);
    if (write(*(int *)argument, "x", 1) != 1)
        return 1;
    return sleep_for_ever(NULL);
}

static int leave_a_child(void *argument)
{
    struct program p = started(sleep_for_ever, NULL);
    return write(*(int *)argument, &p.pid, sizeof(p.pid)) == sizeof(p.pid) ? 0 : 1;
}

static void wait_for_end(struct program *p)
{
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(program_runs(p));
}

static void tells_how_a_call_ended(void **state)
{
    char text[64], line[16] = "";
    (void)state;
    struct program p = started(return_seven, NULL);
    wait_for_end(&p);
    program_describe_end(&p, text, sizeof(text));
    assert_string_equal(text, "child exited with status 7");
    FILE *log = fopen(log_path, "r");
    assert_non_null(fgets(line, sizeof(line), log));
    assert_string_equal(line, "seven\n");
    fclose(log);
}

static void executes_a_program(void **state)
{
    char name[] = "/bin/false";
    char *argv[] = { name, NULL };
    struct program p;
    struct err e;
    struct program_launch how = { .argv = argv, .log_path = log_path, .death_signal = SIGKILL };
    (void)state;
    assert_int_equal(program_start(&p, "false", &how, &e), 0);
    wait_for_end(&p);
    assert_int_equal(WEXITSTATUS(p.wait_status), 1);
}

static void stops_politely_and_even_what_is_stopped(void **state)
{
    char text[64];
    (void)state;
    struct program p = started(sleep_for_ever, NULL);
    program_signal(&p, SIGSTOP);
    program_stop(&p, SIGTERM, PATIENCE_MS);
    program_describe_end(&p, text, sizeof(text));
    assert_string_equal(text, "child was killed by SIGTERM");
    program_stop(&p, SIGTERM, PATIENCE_MS); /* nothing happens */
}

static void kills_what_does_not_listen(void **state)
{
    int ends[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct program p = started(ignore_and_sleep, &ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    program_stop(&p, SIGTERM, 1);
    assert_int_equal(WTERMSIG(p.wait_status), SIGKILL);
    close(ends[0]);
    close(ends[1]);
}

/* The pipe's last writer is the grandchild: its end shows that the kernel has ended it. */
static void what_it_started_dies_with_the_starter(void **state)
{
    int ends[2];
    pid_t grandchild;
    char byte;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct program p = started(leave_a_child, &ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
    wait_for_end(&p);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_how_a_call_ended),
        TEST(executes_a_program),
        TEST(stops_politely_and_even_what_is_stopped),
        TEST(kills_what_does_not_listen),
        TEST(what_it_started_dies_with_the_starter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
