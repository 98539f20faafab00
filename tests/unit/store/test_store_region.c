#include "store/store_region.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1000

static char folder[] = "/tmp/test_store_region.XXXXXX";
static char path[64];
static const struct config_store small = { .sessions = 1000, .limits = 1000, .submissions = 1000 };

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/store", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static struct store_region *open_region(const struct config_store *config, bool expect_anew)
{
    struct err e = { "" };
    bool anew = !expect_anew;
    struct store_region *r = store_region_open(path, config, &anew, &e);
    assert_string_equal(e.text, "");
    assert_non_null(r);
    assert_int_equal(anew, expect_anew);
    return r;
}

static const struct siphash key = { 12345, 67890 };

static void put(struct store_region *r, uint8_t value)
{
    struct shm_table *t = store_region_table(r, STORE_SESSIONS);
    assert_int_equal(shm_table_lock(t, key), 0);
    uint8_t *record = shm_table_insert(t, key, NOW, 2 * NOW);
    assert_non_null(record);
    memset(record, value, STORE_SESSION_BYTES);
    shm_table_unlock(t, key);
}

static uint8_t get(struct store_region *r)
{
    struct shm_table *t = store_region_table(r, STORE_SESSIONS);
    assert_int_equal(shm_table_lock(t, key), 0);
    const uint8_t *record = shm_table_find(t, key, NOW);
    uint8_t value = record ? record[STORE_SESSION_BYTES - 1] : 0;
    shm_table_unlock(t, key);
    return value;
}

static void children_see_what_the_others_write(void **state)
{
    (void)state;
    struct err e;
    struct store_region *r = open_region(&small, true);
    struct store_region *child = store_region_attach(dup(store_region_fd(r)), &e);
    assert_non_null(child);
    put(child, 7);
    assert_int_equal(get(r), 7);
    assert_int_equal(store_region_capacity(child, STORE_LIMITS), 1000);
    assert_memory_equal(store_region_node(child)->secret, store_region_node(r)->secret, 32);
    store_region_free(&child);
    store_region_free(&r);
}

static void the_file_is_for_us_alone_and_takes_its_memory_at_once(void **state)
{
    (void)state;
    struct stat st;
    struct store_region *r = open_region(&small, true);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true((off_t)st.st_blocks * 512 >= st.st_size);
    store_region_free(&r);
}

static void a_restarted_gateway_goes_on(void **state)
{
    (void)state;
    uint8_t secret[32];
    char name[16];
    struct store_region *r = open_region(&small, true);
    memcpy(secret, store_region_node(r)->secret, sizeof(secret));
    memcpy(name, store_region_node(r)->name, sizeof(name));
    assert_int_equal(strlen(name), 15);
    put(r, 9);
    store_region_free(&r);
    r = open_region(&small, false);
    assert_int_equal(get(r), 9);
    assert_memory_equal(store_region_node(r)->secret, secret, sizeof(secret));
    assert_string_equal(store_region_node(r)->name, name);
    store_region_free(&r);
}

static void other_sizes_begin_anew(void **state)
{
    (void)state;
    struct config_store larger = small;
    larger.limits = 2000;
    struct store_region *r = open_region(&small, true);
    put(r, 9);
    assert_false(store_region_differs(r, &small));
    assert_true(store_region_differs(r, &larger));
    store_region_free(&r);
    r = open_region(&larger, true);
    assert_int_equal(get(r), 0);
    store_region_free(&r);
}

static void change_file(off_t at, const char *bytes, size_t len)
{
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
    close(fd);
}

static void another_boot_or_another_version_begins_anew(void **state)
{
    (void)state;
    static const off_t places[] = { 0, 8, 48 }; /* magic, version, the boot's identifier */
    struct store_region *r = open_region(&small, true);
    store_region_free(&r);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        change_file(places[i], "?", 1);
        r = open_region(&small, true);
        store_region_free(&r);
    }
    assert_int_equal(truncate(path, 4096), 0);
    r = open_region(&small, true);
    store_region_free(&r);
}

/* A worker that was killed with its supervisor, a moment later, in the middle of a change. */
static void waits_for_the_last_process_of_a_dead_gateway(void **state)
{
    (void)state;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t gateway = fork();
    if (gateway == 0) {
        struct err e;
        struct store_region *r = store_region_open(path, &small, NULL, &e);
        int fd = r ? dup(store_region_fd(r)) : -1;
        if (fd < 0)
            _exit(2);
        put(r, 5);
        store_region_free(&r);
        struct store_region *child = store_region_attach(fd, &e); /* the mapping alone is left */
        struct shm_table *t = store_region_table(child, STORE_SESSIONS);
        if (shm_table_lock(t, key) < 0)
            _exit(3);
        uint8_t *record = shm_table_find(t, key, NOW);
        shm_table_edit(t, record);
        memset(record, 66, STORE_SESSION_BYTES);
        if (write(ends[1], "", 1) != 1)
            _exit(4);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    pid_t killer = fork();
    if (killer == 0) {
        sched_yield(); /* whether the other one waits by then or finds nobody: both are right */
        kill(gateway, SIGKILL);
        _exit(0);
    }
    struct store_region *r = open_region(&small, false);
    assert_int_equal(get(r), 5);
    store_region_free(&r);
    close(ends[0]);
    waitpid(gateway, NULL, 0);
    waitpid(killer, NULL, 0);
}

static void refuses_what_is_not_ours(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_null(store_region_open(path, &small, NULL, &e));
    unlink(path);
    struct store_region *r = open_region(&small, true);
    store_region_free(&r);
    assert_int_equal(chmod(path, 0644), 0);
    assert_null(store_region_open(path, &small, NULL, &e));
    assert_non_null(strstr(e.text, "not a file of ours alone"));
}

static void says_what_to_do_where_there_is_no_room(void **state)
{
    (void)state;
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        struct err e;
        const struct rlimit tight = { 65536, 65536 };
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &tight) < 0 || store_region_open(path, &small, NULL, &e))
            _exit(2);
        _exit(strstr(e.text, "make room there, or lower store.sessions") ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void children_refuse_a_region_of_another_layout(void **state)
{
    (void)state;
    struct err e;
    struct store_region *r = open_region(&small, true);
    int fd = open(path, O_RDWR);
    change_file(16, "\377\377\377\377", 4); /* a capacity */
    assert_null(store_region_attach(fd, &e));
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    store_region_free(&r);
}

static void tells_why_redis_is_away(void **state)
{
    (void)state;
    char text[STORE_WHY_BYTES], long_text[500];
    struct store_region *r = open_region(&small, true);
    store_region_why(r, text);
    assert_string_equal(text, "");
    store_region_set_why(r, "no server answers");
    store_region_why(r, text);
    assert_string_equal(text, "no server answers");
    memset(long_text, 'x', sizeof(long_text));
    long_text[3] = '\n';
    long_text[sizeof(long_text) - 1] = '\0';
    store_region_set_why(r, long_text);
    store_region_why(r, text);
    assert_int_equal(strlen(text), STORE_WHY_BYTES - 1);
    assert_int_equal(text[3], '?');
    store_region_set_why(r, "");
    store_region_why(r, text);
    assert_string_equal(text, "");
    store_region_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(children_see_what_the_others_write, remove_file),
        cmocka_unit_test_teardown(the_file_is_for_us_alone_and_takes_its_memory_at_once,
                                  remove_file),
        cmocka_unit_test_teardown(a_restarted_gateway_goes_on, remove_file),
        cmocka_unit_test_teardown(other_sizes_begin_anew, remove_file),
        cmocka_unit_test_teardown(another_boot_or_another_version_begins_anew, remove_file),
        cmocka_unit_test_teardown(waits_for_the_last_process_of_a_dead_gateway, remove_file),
        cmocka_unit_test_teardown(refuses_what_is_not_ours, remove_file),
        cmocka_unit_test_teardown(says_what_to_do_where_there_is_no_room, remove_file),
        cmocka_unit_test_teardown(children_refuse_a_region_of_another_layout, remove_file),
        cmocka_unit_test_teardown(tells_why_redis_is_away, remove_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
