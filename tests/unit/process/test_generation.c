#include "process/generation.h"

#include "common/mem.h"
#include "fakes/fake_pki.h"
#include "process/assignment.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CONFIG                                                                                     \
    "listeners: [ { address: 127.0.0.1:8443, tls: { certificates: [\n"                             \
    "  { cert: portal.crt, key: portal.key, ocsp: portal.ocsp } ] } } ]\n"                         \
    "upstreams: [ { name: portal, peers: [ { address: 127.0.0.1:9001 } ] } ]\n"                    \
    "routes: [ { upstream: portal } ]\n"

static char dir[] = "/tmp/test_generation.XXXXXX";
static struct fake_certificate authority, portal;

static char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void put(const char *name, struct slice text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
    fclose(file);
}

/* Answers differ by when they end. */
static void put_ocsp(int days)
{
    struct slice answer = fake_ocsp_response(&portal, &authority, time(NULL) + days * 86400);
    put("portal.ocsp", answer);
    mem_free((void *)answer.data);
}

static int make_files(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    fake_certificate_init(&authority, "EC", NULL, NULL);
    fake_certificate_init(&portal, "EC", "DNS:dichvucong.gov.vn", &authority);
    put("portal.crt", portal.cert_pem);
    put("portal.key", portal.key_pem);
    return 0;
}

static int remove_files(void **state)
{
    static const char *const names[] = { "cong.yaml", "portal.crt", "portal.key", "portal.ocsp" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(path_of(names[i]));
    fake_certificate_fini(&portal);
    fake_certificate_fini(&authority);
    return rmdir(dir);
}

struct fixture {
    struct generation generation;
    struct buf problems;
};

static int setup(void **state)
{
    static struct fixture fixture;
    put("cong.yaml", SLICE(CONFIG));
    put_ocsp(1);
    buf_init(&fixture.problems, 65536);
    assert_int_equal(
        generation_load(&fixture.generation, path_of("cong.yaml"), 7, &fixture.problems), 0);
    assert_int_equal(fixture.problems.len, 0);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    generation_fini(&f->generation);
    buf_fini(&f->problems);
    return 0;
}

/* What a child makes of the sealed copy, without the right to read any file. */
static void is_loaded_by_children_from_its_sealed_copy(void **state)
{
    struct fixture *f = *state;
    struct channel_message message = { .kind = CHANNEL_CONFIG };
    struct channel_files files;
    char problem[CHANNEL_TEXT_BYTES];
    channel_files_init(&files);
    files.bundle = fcntl(f->generation.sealed_fd, F_DUPFD_CLOEXEC, 3);
    snprintf(message.text, sizeof(message.text), "%s", f->generation.config->file);
    assert_int_equal(unlink(path_of("portal.key")), 0);
    struct config *config = assignment_load(&message, &files, problem);
    put("portal.key", portal.key_pem);
    assert_non_null(config);
    assert_int_equal(config->listener_count, 1);
    assert_int_equal(files.bundle, -1);
    config_free(&config);
}

static void tells_a_child_why_it_cannot_load(void **state)
{
    struct fixture *f = *state;
    struct channel_message message = { .kind = CHANNEL_CONFIG, .text = "another.yaml" };
    struct channel_files files;
    char problem[CHANNEL_TEXT_BYTES] = "";
    channel_files_init(&files);
    assert_null(assignment_load(&message, &files, problem));
    assert_string_equal(problem, "the message brought no configuration");
    files.bundle = fcntl(f->generation.sealed_fd, F_DUPFD_CLOEXEC, 3);
    assert_null(assignment_load(&message, &files, problem));
    assert_non_null(strstr(problem, "another.yaml"));
}

static void holds_nothing_when_the_file_is_bad(void **state)
{
    (void)state;
    struct generation g;
    struct buf problems;
    buf_init(&problems, 65536);
    put("cong.yaml", SLICE(CONFIG "nonsense: 1\n"));
    assert_int_equal(generation_load(&g, path_of("cong.yaml"), 1, &problems), ERR_INVALID);
    assert_true(problems.len > 0);
    assert_null(g.config);
    assert_null(g.bundle);
    assert_int_equal(g.sealed_fd, -1);
    buf_fini(&problems);
}

/* What only OpenSSL can judge. */
static void refuses_a_certificate_for_redis_that_openssl_will_not_show(void **state)
{
    (void)state;
    struct fake_certificate weak, ours;
    struct generation g;
    struct buf chain, problems;
    buf_init(&problems, 65536);
    buf_init(&chain, 65536);
    fake_certificate_init(&weak, "WEAK", NULL, NULL);
    fake_certificate_init(&ours, "EC", "DNS:gate.test", &weak);
    buf_append_slice(&chain, ours.cert_pem);
    buf_append_slice(&chain, weak.cert_pem);
    put("weak.crt", buf_slice(&chain));
    put("weak.key", ours.key_pem);
    put("cong.yaml", SLICE(CONFIG "store: { secret: portal.key, redis: { servers: [ 10.0.0.1:1 ], "
                                  "tls: { cert: weak.crt, key: weak.key } } }\n"));
    assert_int_equal(generation_load(&g, path_of("cong.yaml"), 1, &problems), ERR_INVALID);
    assert_non_null(strstr(problems.data, "store.redis.tls: "));
    assert_int_equal(unlink(path_of("weak.crt")), 0);
    assert_int_equal(unlink(path_of("weak.key")), 0);
    fake_certificate_fini(&ours);
    fake_certificate_fini(&weak);
    buf_fini(&chain);
    buf_fini(&problems);
}

static void stays_when_no_answer_has_changed(void **state)
{
    struct fixture *f = *state;
    const struct config *config = f->generation.config;
    assert_int_equal(generation_refresh(&f->generation, &f->problems), 0);
    assert_ptr_equal(f->generation.config, config);
    assert_int_equal(f->generation.number, 7);
}

static void moves_on_when_an_answer_has_changed(void **state)
{
    struct fixture *f = *state;
    put_ocsp(2);
    assert_int_equal(generation_refresh(&f->generation, &f->problems), 1);
    assert_int_equal(f->generation.number, 8);
    assert_int_equal(f->problems.len, 0);
}

static void ignores_other_changes_when_it_refreshes(void **state)
{
    struct fixture *f = *state;
    put("cong.yaml", SLICE("nonsense: 1\n"));
    put_ocsp(2);
    assert_int_equal(generation_refresh(&f->generation, &f->problems), 1);
    assert_int_equal(f->generation.config->route_count, 1);
}

static void stays_when_the_new_answer_is_garbage(void **state)
{
    struct fixture *f = *state;
    const struct config *config = f->generation.config;
    int sealed_fd = f->generation.sealed_fd;
    put("portal.ocsp", SLICE("garbage"));
    assert_int_equal(generation_refresh(&f->generation, &f->problems), ERR_INVALID);
    assert_true(f->problems.len > 0);
    assert_ptr_equal(f->generation.config, config);
    assert_int_equal(f->generation.sealed_fd, sealed_fd);
    assert_int_equal(f->generation.number, 7);
    put_ocsp(3);
    assert_int_equal(generation_refresh(&f->generation, &f->problems), 1);
}

static void stays_when_the_answer_is_gone(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(unlink(path_of("portal.ocsp")), 0);
    assert_int_equal(generation_refresh(&f->generation, &f->problems), 0);
    assert_true(f->problems.len > 0);
    assert_int_equal(f->generation.number, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_loaded_by_children_from_its_sealed_copy, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tells_a_child_why_it_cannot_load, setup, teardown),
        cmocka_unit_test_setup_teardown(holds_nothing_when_the_file_is_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_certificate_for_redis_that_openssl_will_not_show,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(stays_when_no_answer_has_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(moves_on_when_an_answer_has_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(ignores_other_changes_when_it_refreshes, setup, teardown),
        cmocka_unit_test_setup_teardown(stays_when_the_new_answer_is_garbage, setup, teardown),
        cmocka_unit_test_setup_teardown(stays_when_the_answer_is_gone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
