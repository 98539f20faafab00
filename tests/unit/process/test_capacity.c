#include "process/capacity.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define GIB (1024ull * 1024 * 1024)

static const struct capacity machine = { .cores = 4,
                                         .descriptors = 20000,
                                         .memory_bytes = 8 * GIB };

static char *advice_for(const struct capacity *c, uint32_t workers, const struct config *config)
{
    static char text[2048];
    struct buf out;
    buf_init(&out, sizeof(text) - 1);
    capacity_advise(c, workers, config, &out);
    assert_true(buf_ok(&out));
    snprintf(text, sizeof(text), "%.*s", (int)out.len, out.len ? out.data : "");
    buf_fini(&out);
    return text;
}

static char *advice(const struct capacity *c, uint32_t workers, uint64_t users)
{
    struct config config = { .capacity_users = users };
    return advice_for(c, workers, &config);
}

static void keeps_a_quarter_of_the_descriptors_for_the_rest(void **state)
{
    (void)state;
    struct capacity small = { .descriptors = 1024 };
    struct capacity tiny = { .descriptors = 256 };
    assert_int_equal(capacity_users_per_worker(&machine), 15200);
    assert_int_equal(capacity_users_per_worker(&small), 512);
    assert_int_equal(capacity_users_per_worker(&tiny), 128);
}

static void runs_one_worker_per_core_while_that_suffices(void **state)
{
    (void)state;
    assert_int_equal(capacity_workers(&machine, 0, 1), 4);
    assert_int_equal(capacity_workers(&machine, 0, 4 * 15200), 4);
}

static void runs_more_workers_when_the_users_need_them(void **state)
{
    (void)state;
    assert_int_equal(capacity_workers(&machine, 0, 4 * 15200 + 1), 5);
    assert_int_equal(capacity_workers(&machine, 0, 120000), 8);
    assert_int_equal(capacity_workers(&machine, 0, 100000000), CONFIG_WORKERS_MAX);
}

static void obeys_a_configured_number_of_workers(void **state)
{
    (void)state;
    assert_int_equal(capacity_workers(&machine, 2, 120000), 2);
}

static void says_nothing_when_all_fits(void **state)
{
    (void)state;
    assert_string_equal(advice(&machine, 8, 120000), "");
}

static void advises_the_limit_or_the_workers_that_would_suffice(void **state)
{
    (void)state;
    const char *text = advice(&machine, 2, 120000);
    assert_non_null(strstr(text, "to 78948, or set workers to 8"));
    struct capacity raised = { .descriptors = 78948 };
    assert_string_equal(advice(&raised, 2, 120000), "");
}

static void advises_no_more_workers_than_there_may_be(void **state)
{
    (void)state;
    struct capacity small = { .descriptors = 1024 };
    const char *text = advice(&small, CONFIG_WORKERS_MAX, 120000);
    assert_non_null(strstr(text, "LimitNOFILE"));
    assert_null(strstr(text, "set workers"));
    assert_non_null(strstr(text, "to 2468\n"));
    small.descriptors = 2468;
    assert_string_equal(advice(&small, CONFIG_WORKERS_MAX, 120000), "");
}

static void advises_the_memory_that_is_missing(void **state)
{
    (void)state;
    struct capacity poor = { .descriptors = 20000, .memory_bytes = 1 * GIB };
    const char *text = advice(&poor, 8, 120000);
    assert_non_null(strstr(text, "needs about 2387 MiB"));
    assert_non_null(strstr(text, "1364 MiB more"));
    assert_non_null(strstr(text, "at most 32768"));
}

static void reckons_with_http2_where_it_is_offered(void **state)
{
    (void)state;
    struct capacity enough_for_http1 = { .descriptors = 20000, .memory_bytes = 3 * GIB };
    struct config_tls tls = { .certificate_count = 1 };
    struct config_listener listeners[] = { { .http2 = true }, { .tls = &tls } };
    struct config config = { .listeners = listeners,
                             .listener_count = 2,
                             .capacity_users = 120000 };
    assert_string_equal(advice_for(&enough_for_http1, 8, &config), "");
    listeners[1].http2 = true;
    assert_non_null(strstr(advice_for(&enough_for_http1, 8, &config), "needs about"));
}

static void reckons_with_the_record_layer(void **state)
{
    (void)state;
    struct config_tls ours = { .record_layer = CONFIG_RECORD_LAYER_OWN }, theirs = { 0 };
    struct config_listener listeners[] = { { .tls = &ours }, { .tls = &theirs } };
    struct config config = { .listeners = listeners, .listener_count = 1, .capacity_users = 1024 };
    uint64_t workers_need = 64ull << 20;
    assert_int_equal(capacity_memory_needed(1, &config) - workers_need, 4ull << 20);
    listeners[0].http2 = true;
    assert_int_equal(capacity_memory_needed(1, &config) - workers_need, 18ull << 20);
    listeners[0].http2 = false;
    config.listener_count = 2;
    assert_int_equal(capacity_memory_needed(1, &config) - workers_need, 16ull << 20);
}

static void reckons_with_sleep(void **state)
{
    (void)state;
    struct config_tls ours = { .record_layer = CONFIG_RECORD_LAYER_OWN };
    struct config_listener listener = { .tls = &ours, .http2 = true };
    struct config config = { .listeners = &listener,
                             .listener_count = 1,
                             .capacity_users = 1024,
                             .timeouts = { .http2_sleep_ms = 1 } };
    uint64_t workers_need = 64ull << 20;
    assert_int_equal(capacity_memory_needed(1, &config) - workers_need, 6ull << 20);
    listener.http2 = false;
    assert_int_equal(capacity_memory_needed(1, &config) - workers_need, 4ull << 20);
}

static void does_not_judge_memory_that_it_cannot_see(void **state)
{
    (void)state;
    struct capacity unknown = { .descriptors = 20000 };
    assert_string_equal(advice(&unknown, 64, 900000), "");
}

/* A pretended /proc and /sys. */
static char root[] = "/tmp/test_capacity.XXXXXX";

static int make_root(void **state)
{
    (void)state;
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
    char full[512];
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

static uint64_t measured_memory(void)
{
    struct capacity c;
    capacity_measure(&c, root);
    return c.memory_bytes;
}

static void takes_the_tightest_limit_of_memory(void **state)
{
    (void)state;
    assert_int_equal(measured_memory(), 0);
    put("/proc/meminfo", "MemTotal: 9000000 kB\nMemFree: 1 kB\nMemAvailable: 8000000 kB\n");
    assert_int_equal(measured_memory(), 8000000ull * 1024);

    put("/proc/self/cgroup", "4:memory:/docker/1\n1:cpu:/\n0::/system.slice/cong.service\n");
    put("/sys/fs/cgroup/system.slice/cong.service/memory.max", "max\n");
    assert_int_equal(measured_memory(), 8000000ull * 1024);
    put("/sys/fs/cgroup/system.slice/memory.max", "4294967296\n");
    assert_int_equal(measured_memory(), 4 * GIB);
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
    assert_int_equal(measured_memory(), 2 * GIB);
    put("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "1073741824\n");
    assert_int_equal(measured_memory(), 1 * GIB);
}

static void raises_the_soft_limit_of_descriptors(void **state)
{
    (void)state;
    struct capacity c;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = MIN(limit.rlim_max, 256);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    capacity_measure(&c, root);
    assert_int_equal(c.descriptors, limit.rlim_max);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, limit.rlim_max);
    assert_true(c.cores >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_a_quarter_of_the_descriptors_for_the_rest),
        cmocka_unit_test(runs_one_worker_per_core_while_that_suffices),
        cmocka_unit_test(runs_more_workers_when_the_users_need_them),
        cmocka_unit_test(obeys_a_configured_number_of_workers),
        cmocka_unit_test(says_nothing_when_all_fits),
        cmocka_unit_test(advises_the_limit_or_the_workers_that_would_suffice),
        cmocka_unit_test(advises_no_more_workers_than_there_may_be),
        cmocka_unit_test(advises_the_memory_that_is_missing),
        cmocka_unit_test(reckons_with_http2_where_it_is_offered),
        cmocka_unit_test(reckons_with_the_record_layer),
        cmocka_unit_test(reckons_with_sleep),
        cmocka_unit_test(does_not_judge_memory_that_it_cannot_see),
        cmocka_unit_test(takes_the_tightest_limit_of_memory),
        cmocka_unit_test(raises_the_soft_limit_of_descriptors),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
