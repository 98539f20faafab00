#include "process/socket_memory.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/test_socket_memory.XXXXXX";
static uint64_t page_bytes;

static int make_root(void **state)
{
    (void)state;
    page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    memset(strchr(root, '.') + 1, 'X', 6);
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static void put(const char *path, const char *text)
{
    char full[PATH_MAX];
    snprintf(full, sizeof(full), "%s%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void put_machine(void)
{
    put("/proc/net/sockstat", "sockets: used 294\nTCP: inuse 5 orphan 0 tw 2 alloc 7 mem 300\n"
                              "UDP: inuse 1 mem 4\n");
    put("/proc/sys/net/ipv4/tcp_mem", "100\t200\t400\n");
}

static void the_machine_tells_of_all_sockets_and_of_their_limit(void **state)
{
    (void)state;
    struct socket_memory m;
    put_machine();
    socket_memory_open(&m, root);
    assert_int_equal(socket_memory_machine(&m), 300 * page_bytes);
    assert_int_equal(socket_memory_own(&m), 300 * page_bytes);
    assert_int_equal(m.limit_bytes, 400 * page_bytes);
    put("/proc/net/sockstat", "sockets: used 2\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 1\n");
    assert_int_equal(socket_memory_machine(&m), page_bytes);
    socket_memory_close(&m);
}

static void own_is_what_the_control_group_has(void **state)
{
    (void)state;
    struct socket_memory m;
    put_machine();
    put("/proc/self/cgroup", "1:cpu:/\n0::/system.slice/cong.service\n");
    put("/sys/fs/cgroup/system.slice/cong.service/memory.max", "max\n");
    put("/sys/fs/cgroup/system.slice/cong.service/memory.stat",
        "anon 9\nfile 8\nsock 4096\nshmem 7\n");
    socket_memory_open(&m, root);
    assert_int_equal(socket_memory_own(&m), 4096);
    assert_int_equal(socket_memory_machine(&m), 300 * page_bytes);
    socket_memory_close(&m);
}

static void a_container_finds_its_group_at_the_root(void **state)
{
    (void)state;
    struct socket_memory m;
    put_machine();
    put("/proc/self/cgroup", "0::/what/the/host/calls/it\n");
    put("/sys/fs/cgroup/memory.max", "1000000\n");
    put("/sys/fs/cgroup/memory.stat", "anon 9\nsock 8192\n");
    socket_memory_open(&m, root);
    assert_int_equal(socket_memory_own(&m), 8192);
    socket_memory_close(&m);
}

static void the_root_of_the_machine_counts_no_sockets(void **state)
{
    (void)state;
    struct socket_memory m;
    put_machine();
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/memory.stat", "anon 9\nsock 0\n");
    socket_memory_open(&m, root);
    assert_int_equal(socket_memory_own(&m), 300 * page_bytes);
    socket_memory_close(&m);
}

static void without_any_of_these_files_nothing_is_known(void **state)
{
    (void)state;
    struct socket_memory m;
    socket_memory_open(&m, root);
    assert_int_equal(socket_memory_machine(&m), 0);
    assert_int_equal(socket_memory_own(&m), 0);
    assert_int_equal(m.limit_bytes, 0);
    socket_memory_close(&m);
}

static void what_this_machine_says_is_understood(void **state)
{
    (void)state;
    struct socket_memory m;
    socket_memory_open(&m, "");
    assert_true(m.sockstat >= 0);
    assert_true(m.limit_bytes > 0);
    assert_true(socket_memory_own(&m) <= m.limit_bytes);
    socket_memory_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_machine_tells_of_all_sockets_and_of_their_limit,
                                        make_root, remove_root),
        cmocka_unit_test_setup_teardown(own_is_what_the_control_group_has, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_container_finds_its_group_at_the_root, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(the_root_of_the_machine_counts_no_sockets, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(without_any_of_these_files_nothing_is_known, make_root,
                                        remove_root),
        cmocka_unit_test(what_this_machine_says_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
