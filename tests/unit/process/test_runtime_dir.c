#include "process/runtime_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char base[] = "/tmp/test_runtime_dir.XXXXXX";
static char path[64], pid_file[80];

static int setup(void **state)
{
    (void)state;
    umask(027);
    if (!mkdtemp(base))
        return -1;
    snprintf(path, sizeof(path), "%s/run", base);
    snprintf(pid_file, sizeof(pid_file), "%s/cong.pid", path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rmdir(path);
    return rmdir(base);
}

static void makes_the_folder_and_the_pid_file(void **state)
{
    (void)state;
    struct runtime_dir r;
    struct stat st;
    struct err e;
    char text[16] = "";
    assert_int_equal(runtime_dir_open(&r, path, &e), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    assert_int_equal(stat(pid_file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    FILE *file = fopen(pid_file, "r");
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    assert_int_equal(strtol(text, NULL, 10), getpid());
    runtime_dir_close(&r);
    assert_int_not_equal(stat(pid_file, &st), 0);
}

static void refuses_a_second_gateway(void **state)
{
    (void)state;
    struct runtime_dir first, second;
    struct err e;
    assert_int_equal(runtime_dir_open(&first, path, &e), 0);
    assert_int_equal(runtime_dir_open(&second, path, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "already running"));
    runtime_dir_close(&second);
    runtime_dir_close(&first);
}

static void takes_over_from_a_dead_gateway(void **state)
{
    (void)state;
    struct runtime_dir r;
    struct err e;
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(runtime_dir_open(&r, path, &e) == 0 ? 0 : 1); /* leaves its pid file behind */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(access(pid_file, F_OK), 0);
    assert_int_equal(runtime_dir_open(&r, path, &e), 0);
    runtime_dir_close(&r);
}

static void says_that_the_folder_cannot_be_made(void **state)
{
    (void)state;
    struct runtime_dir r;
    struct err e;
    assert_int_equal(runtime_dir_open(&r, "/proc/no/such/folder", &e), ERR_SYSTEM);
    assert_non_null(strstr(e.text, "cannot make the folder /proc/no/such/folder"));
}

static void rejects_a_path_too_long_for_a_socket(void **state)
{
    (void)state;
    struct sockaddr_un address;
    struct err e;
    char long_path[200];
    memset(long_path, 'x', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_equal(runtime_dir_control_address(long_path, &address, &e), ERR_INVALID);
    assert_int_equal(runtime_dir_control_address("/run/cong", &address, &e), 0);
    assert_string_equal(address.sun_path, "/run/cong/control.sock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_folder_and_the_pid_file),
        cmocka_unit_test(refuses_a_second_gateway),
        cmocka_unit_test(takes_over_from_a_dead_gateway),
        cmocka_unit_test(says_that_the_folder_cannot_be_made),
        cmocka_unit_test(rejects_a_path_too_long_for_a_socket),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
