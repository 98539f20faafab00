/* A whole generator against a portal that misbehaves: everything must be counted as what it is. */
#include "bench/ledger/ledger.h"
#include "tests/fakes/fake_portal.h"
#include "tests/unit/bench/generator_scene.h"

#include <string.h>

#define USERS 40
#define REQUESTS 200 /* of most tests: enough to see what is to be seen */

static struct generator_scene scene;
static struct results_phase total; /* of both phases */
static const struct results_phase *phase = &total;
static char ledger_path[80];
static struct fake_portal_seen seen;

static int set_up(void **state)
{
    (void)state;
    generator_scene_begin(&scene, 2);
    snprintf(ledger_path, sizeof(ledger_path), "%s.ledger", scene.scenario_path);
    scene.start.ledger_path = ledger_path;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    generator_scene_end(&scene);
    unlink(ledger_path);
    return 0;
}

/* Users who hardly think and come within the first second. */
static void write_scenario(uint32_t seconds, const char *load)
{
    FILE *file = fopen(scene.scenario_path, "w");
    fprintf(file, "name: test\nabout: a test\nphases:\n");
    for (uint32_t i = 0; i < seconds; i++)
        fprintf(file,
                "  - { name: second-%u, duration: 1s, users: %d, think_median: 2ms,"
                " think_mean: 3ms, judged: true }\n",
                i, USERS);
    fprintf(file,
            "load: { connects_per_s: 1000, upload_min: 1KiB, upload_max: 200KiB, %s }\n"
            "criteria: [ \"error_percent at most 0%%\" ]\n",
            load);
    fclose(file);
}

/* All on good links, for as long as it takes. */
#define STAYING "slow_percent: 0, session_mean: 0s, "

static void add_phase(const struct results_phase *p)
{
    for (int class = 0; class < CLASS_COUNT; class ++) {
        hdr_merge(&total.service[class], &p->service[class]);
        hdr_merge(&total.response[class], &p->response[class]);
    }
    hdr_merge(&total.slow_response, &p->slow_response);
    hdr_merge(&total.handshake, &p->handshake);
    total.planned += p->planned;
    total.issued += p->issued;
    total.done += p->done;
    for (int i = 0; i < RESULTS_ERROR_COUNT; i++)
        total.errors[i] += p->errors[i];
    for (int i = 0; i < STEP_COUNT; i++) {
        total.steps[i] += p->steps[i];
        total.step_errors[i] += p->step_errors[i];
    }
    total.retried += p->retried;
    total.handshakes_full += p->handshakes_full;
    total.handshakes_resumed += p->handshakes_resumed;
    total.bytes_sent += p->bytes_sent;
    total.bytes_received += p->bytes_received;
}

static int generate(void)
{
    int status = generator_main(&scene.start);
    memset(&total, 0, sizeof(total));
    add_phase(&scene.out->phases[0]);
    add_phase(&scene.out->phases[1]);
    return status;
}

/* `requests` 0: for two whole seconds. */
static void run_until(uint32_t requests, enum fake_portal_fault fault, uint32_t every,
                      const char *load)
{
    struct fake_portal *portal = fake_portal_start(fault, every);
    char target[32];
    snprintf(target, sizeof(target), "127.0.0.1:%u", fake_portal_port(portal));
    fake_portal_signal_after(portal, requests, &scene.board->stop);
    write_scenario(2, load);
    scene.start.target = target;
    scene.start.ca_path = fake_portal_ca_path(portal);
    assert_int_equal(generate(), 0);
    assert_int_equal(scene.out->state, 3);
    seen = fake_portal_stop(&portal);
}

static void run(enum fake_portal_fault fault, uint32_t every, const char *load)
{
    run_until(REQUESTS, fault, every, load);
}

static uint64_t all_errors(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < RESULTS_ERROR_COUNT; i++)
        sum += phase->errors[i];
    return sum;
}

static uint64_t sum_of_seconds(size_t offset)
{
    uint64_t sum = 0;
    for (int i = 0; i < 60; i++)
        sum += *(const uint32_t *)((const char *)&scene.out->seconds[i] + offset);
    return sum;
}

#define SECONDS(field) sum_of_seconds(offsetof(struct results_second, field))

/* Nothing that was begun is left uncounted, and every error is of one kind. */
static void assert_errors(enum results_error kind)
{
    assert_true(phase->errors[kind] > 0);
    assert_int_equal(all_errors(), phase->errors[kind]);
    assert_int_equal(phase->done + phase->errors[kind], phase->planned);
    assert_true(phase->done > 0);
    assert_int_equal(SECONDS(errors), phase->errors[kind]);
}

static void assert_no_errors(void)
{
    assert_int_equal(all_errors(), 0);
    assert_true(phase->done > 20);
    assert_int_equal(phase->done, phase->planned);
    assert_int_equal(phase->issued, phase->planned);
}

static void counts_every_action_once(void **state)
{
    (void)state;
    run(FAKE_PORTAL_IS_RIGHT, 0, STAYING "submit_percent: 3");
    assert_no_errors();
    assert_int_equal(seen.requests, phase->done);
    assert_int_equal(SECONDS(planned), phase->planned);
    assert_int_equal(SECONDS(issued), phase->planned);
    assert_int_equal(SECONDS(done), phase->planned);
    uint64_t recorded = 0, steps = 0;
    for (int class = 0; class < CLASS_COUNT; class ++) {
        assert_true(phase->response[class].count == phase->service[class].count);
        recorded += phase->response[class].count;
    }
    for (int step = 0; step < STEP_COUNT; step++)
        steps += phase->steps[step];
    assert_int_equal(recorded, phase->done);
    assert_int_equal(steps, phase->done);
    assert_int_equal(phase->slow_response.count, 0);
    assert_true(phase->bytes_sent > 0 && phase->bytes_received > 0);
}

static void everybody_comes_once_and_is_alive(void **state)
{
    (void)state;
    run_until(0, FAKE_PORTAL_IS_RIGHT, 0, STAYING "resumed_percent: 0, submit_percent: 0");
    assert_int_equal(seen.connections, USERS);
    assert_int_equal(SECONDS(connects), USERS);
    assert_int_equal(SECONDS(closes), 0);
    assert_int_equal(scene.out->seconds[1].users, USERS);
    assert_int_equal(scene.out->seconds[1].alive, USERS);
    assert_int_equal(scene.out->users, USERS);
    assert_int_equal(phase->handshakes_full, USERS);
    assert_int_equal(phase->handshake.count, USERS);
    assert_true(scene.out->pss_bytes > 0 && scene.out->cpu_us > 0);
}

static void the_response_clock_never_runs_behind_the_service_clock(void **state)
{
    (void)state;
    run(FAKE_PORTAL_IS_RIGHT, 0, STAYING "submit_percent: 0");
    const struct hdr *response = &phase->response[CLASS_READ];
    const struct hdr *service = &phase->service[CLASS_READ];
    assert_true(response->sum_us >= service->sum_us);
    assert_true(response->max_us >= service->max_us);
}

static void a_new_pace_holds_for_pauses_under_way(void **state)
{
    (void)state;
    struct fake_portal *portal = fake_portal_start(FAKE_PORTAL_IS_RIGHT, 0);
    char target[32];
    snprintf(target, sizeof(target), "127.0.0.1:%u", fake_portal_port(portal));
    fake_portal_signal_after(portal, 4 * USERS, &scene.board->stop);
    FILE *file = fopen(scene.scenario_path, "w");
    fprintf(file,
            "name: test\nabout: a test\nphases:\n"
            "  - { name: slow, duration: 1s, users: %d, think_median: 50m, think_mean: 1h }\n"
            "  - { name: fast, duration: 1h, users: %d, think_median: 2ms, think_mean: 3ms,"
            " judged: true }\n"
            "load: { connects_per_s: 1000, upload_min: 1KiB, upload_max: 200KiB, " STAYING "}\n"
            "criteria: [ \"error_percent at most 0%%\" ]\n",
            USERS, USERS);
    fclose(file);
    scene.start.target = target;
    scene.start.ca_path = fake_portal_ca_path(portal);
    assert_int_equal(generate(), 0);
    seen = fake_portal_stop(&portal);
    assert_true(scene.out->phases[0].planned <= USERS);
    assert_true(scene.out->phases[1].done > 2 * USERS);
}

static void cookies_come_back(void **state)
{
    (void)state;
    run(FAKE_PORTAL_IS_RIGHT, 0, STAYING "login_percent: 50");
    assert_true(seen.with_cookie > 0);
}

static void read_ledger(uint32_t *sent, uint32_t *acknowledged)
{
    char text[256];
    FILE *file = fopen(ledger_path, "r");
    assert_non_null(file);
    *sent = *acknowledged = 0;
    while (fgets(text, sizeof(text), file)) {
        struct ledger_line line;
        assert_int_equal(ledger_parse(slice_of(text, strlen(text) - 1), &line), 0);
        *sent += line.event == LEDGER_SENT;
        *acknowledged += line.event == LEDGER_ACK;
    }
    fclose(file);
    assert_true(*sent > 0);
}

static void the_ledger_holds_every_dossier(void **state)
{
    (void)state;
    uint32_t sent, acknowledged;
    run(FAKE_PORTAL_IS_RIGHT, 0, STAYING "submit_percent: 30");
    assert_no_errors();
    read_ledger(&sent, &acknowledged);
    assert_int_equal(sent, acknowledged);
    assert_int_equal(sent, seen.stored);
    assert_int_equal(sent, phase->steps[STEP_SUBMIT] + phase->steps[STEP_DECIDE]);
}

static void a_dossier_without_an_answer_is_sent_again(void **state)
{
    (void)state;
    uint32_t sent, acknowledged;
    run(FAKE_PORTAL_HANGS_UP, 5, STAYING "submit_percent: 40, retries: 20");
    read_ledger(&sent, &acknowledged);
    uint64_t filed = phase->steps[STEP_SUBMIT] + phase->steps[STEP_DECIDE];
    uint64_t failed = phase->step_errors[STEP_SUBMIT] + phase->step_errors[STEP_DECIDE];
    assert_true(phase->retried > 0);
    assert_int_equal(sent, filed + phase->retried);
    assert_int_equal(acknowledged, filed - failed);
    assert_int_equal(phase->done + all_errors(), phase->planned);
    assert_int_equal(SECONDS(errors), all_errors());
}

static void sessions_are_resumed(void **state)
{
    (void)state;
    run(FAKE_PORTAL_SAYS_CLOSE, 2, STAYING "resumed_percent: 100");
    assert_no_errors();
    assert_true(phase->handshakes_resumed > phase->handshakes_full);
    assert_int_equal(seen.resumed, phase->handshakes_resumed);
}

static void an_announced_close_is_no_error(void **state)
{
    (void)state;
    run(FAKE_PORTAL_SAYS_CLOSE, 3, STAYING "submit_percent: 0");
    assert_no_errors();
    assert_true(SECONDS(closes) > 0);
    assert_int_equal(SECONDS(connects), seen.connections);
}

static void an_idle_connection_may_be_closed(void **state)
{
    (void)state;
    run(FAKE_PORTAL_LEAVES, 3, STAYING "submit_percent: 0");
    /* Now and then the close and the next request pass each other: that is an error. */
    assert_int_equal(all_errors(), phase->errors[RESULTS_ERROR_CLOSED]);
    assert_true(all_errors() < SECONDS(closes));
    assert_int_equal(phase->done + all_errors(), phase->planned);
    assert_true(seen.connections > USERS);
}

static void faults_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        enum fake_portal_fault fault;
        enum results_error error;
    } cases[] = {
        { FAKE_PORTAL_HANGS_UP, RESULTS_ERROR_CLOSED },
        { FAKE_PORTAL_RESETS, RESULTS_ERROR_CLOSED },
        { FAKE_PORTAL_CUTS, RESULTS_ERROR_CUT },
        { FAKE_PORTAL_BABBLES, RESULTS_ERROR_INVALID },
        { FAKE_PORTAL_IS_BUSY, RESULTS_ERROR_STATUS_5XX },
        { FAKE_PORTAL_HAS_NOTHING, RESULTS_ERROR_STATUS_4XX },
        { FAKE_PORTAL_LIES, RESULTS_ERROR_CHECKSUM },
        { FAKE_PORTAL_IS_SILENT, RESULTS_ERROR_TIMEOUT },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (i > 0)
            set_up(NULL);
        run(cases[i].fault, 10, STAYING "probe_interval: 20ms, request_timeout: 400ms");
        assert_errors(cases[i].error);
        if (i + 1 < ARRAY_LEN(cases))
            tear_down(NULL);
    }
}

static void who_failed_last_is_not_alive(void **state)
{
    (void)state;
    run(FAKE_PORTAL_IS_BUSY, 1, STAYING "submit_percent: 0");
    assert_int_equal(phase->done, 0);
    assert_true(scene.out->users > 0);
    assert_int_equal(scene.out->alive, 0);
}

static void nobody_there_is_a_refused_connection(void **state)
{
    (void)state;
    write_scenario(1, STAYING "submit_percent: 0");
    scene.start.target = "127.0.0.1:1";
    assert_int_equal(generate(), 0);
    assert_true(phase->planned > 0);
    assert_int_equal(phase->errors[RESULTS_ERROR_CONNECT], phase->planned);
    assert_int_equal(all_errors(), phase->planned);
    assert_int_equal(phase->issued, phase->planned);
}

static void a_stranger_fails_the_handshake(void **state)
{
    (void)state;
    struct fake_portal *portal = fake_portal_start(FAKE_PORTAL_IS_RIGHT, 0);
    char target[32];
    snprintf(target, sizeof(target), "127.0.0.1:%u", fake_portal_port(portal));
    write_scenario(1, STAYING "submit_percent: 0");
    scene.start.target = target;
    scene.start.ca_path = fake_portal_ca_path(portal);
    scene.start.server_name = "b.vn";
    assert_int_equal(generate(), 0);
    fake_portal_stop(&portal);
    assert_true(phase->planned > 0);
    assert_int_equal(phase->errors[RESULTS_ERROR_HANDSHAKE], phase->planned);
}

static void slow_links_have_a_clock_of_their_own(void **state)
{
    (void)state;
    run(FAKE_PORTAL_IS_RIGHT, 0,
        "slow_percent: 100, slow_rate_min: 100000B, slow_rate_max: 100001B, session_mean: 0s");
    assert_no_errors();
    assert_int_equal(phase->slow_response.count, phase->done);
    assert_int_equal(phase->response[CLASS_READ].count, 0);
}

static void the_probe_keeps_to_its_schedule(void **state)
{
    (void)state;
    scene.start.is_probe = true;
    run_until(0, FAKE_PORTAL_IS_SILENT, 20,
              "probe_users: 4, probe_interval: 20ms, request_timeout: 100ms");
    assert_int_equal(scene.out->is_probe, 1);
    assert_int_equal(phase->planned, 4 * 2000 / 20);
    assert_int_equal(phase->steps[STEP_PROBE], phase->planned);
    assert_true(phase->errors[RESULTS_ERROR_TIMEOUT] > 0);
    /* Who waits behind a silent answer waits on its clock, too. */
    assert_true(phase->response[CLASS_READ].max_us > 50000);
}

static void guests_come_for_one_request(void **state)
{
    (void)state;
    FILE *file = fopen(scene.scenario_path, "w");
    fprintf(file, "name: test\nabout: a test\nphases:\n"
                  "  - { name: all, duration: 1s, users: 0, arrivals_per_s: 100, judged: true }\n"
                  "load: { slow_percent: 0, login_percent: 0, submit_percent: 0 }\n"
                  "criteria: [ \"error_percent at most 0%%\" ]\n");
    fclose(file);
    struct fake_portal *portal = fake_portal_start(FAKE_PORTAL_IS_RIGHT, 0);
    char target[32];
    snprintf(target, sizeof(target), "127.0.0.1:%u", fake_portal_port(portal));
    scene.start.target = target;
    assert_int_equal(generate(), 0);
    seen = fake_portal_stop(&portal);
    assert_true(phase->planned > 20 && phase->planned < 200);
    assert_int_equal(phase->done, phase->planned);
    assert_int_equal(seen.connections, phase->planned);
    assert_int_equal(phase->steps[STEP_HOME], phase->planned);
}

static void new_people_take_the_places_of_those_who_leave(void **state)
{
    (void)state;
    run(FAKE_PORTAL_IS_RIGHT, 0, "slow_percent: 0, session_mean: 20ms");
    assert_no_errors();
    assert_true(seen.connections > USERS);
    assert_true(SECONDS(closes) > 0);
}

static void stops_when_it_is_told(void **state)
{
    (void)state;
    scene.board->stop = 1;
    run(FAKE_PORTAL_IS_RIGHT, 0, STAYING "submit_percent: 0");
    assert_int_equal(phase->planned, 0);
}

static void a_scenario_with_problems_is_refused(void **state)
{
    (void)state;
    write_scenario(1, "no_such_key: 1");
    assert_int_equal(generate(), 1);
    assert_int_equal(scene.out->state, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_every_action_once),
        TEST(everybody_comes_once_and_is_alive),
        TEST(the_response_clock_never_runs_behind_the_service_clock),
        TEST(a_new_pace_holds_for_pauses_under_way),
        TEST(cookies_come_back),
        TEST(the_ledger_holds_every_dossier),
        TEST(a_dossier_without_an_answer_is_sent_again),
        TEST(sessions_are_resumed),
        TEST(an_announced_close_is_no_error),
        TEST(an_idle_connection_may_be_closed),
        TEST(faults_are_told_apart),
        TEST(who_failed_last_is_not_alive),
        TEST(nobody_there_is_a_refused_connection),
        TEST(a_stranger_fails_the_handshake),
        TEST(slow_links_have_a_clock_of_their_own),
        TEST(the_probe_keeps_to_its_schedule),
        TEST(guests_come_for_one_request),
        TEST(new_people_take_the_places_of_those_who_leave),
        TEST(stops_when_it_is_told),
        TEST(a_scenario_with_problems_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
