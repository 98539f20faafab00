/* The process of the attackers against a portal that sends them away, or does not. */
#include "tests/fakes/fake_portal.h"
#include "tests/unit/bench/generator_scene.h"

static struct generator_scene scene;

static int set_up(void **state)
{
    (void)state;
    generator_scene_begin(&scene, 1);
    scene.start.is_attackers = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    generator_scene_end(&scene);
    return 0;
}

static void write_scenario(const char *phases, const char *load)
{
    FILE *file = fopen(scene.scenario_path, "w");
    fprintf(file,
            "{ name: test, about: a test, phases: [ %s ],\n"
            "  load: { connects_per_s: 1000, attack_pace: 20ms, %s },\n"
            "  criteria: [ error_count at most 0 ] }\n",
            phases, load);
    fclose(file);
}

#define PHASE(name, duration, attackers)                                                           \
    "{ name: " name ", duration: " duration ", users: 5, judged: true, attackers: { " attackers    \
    " } }"

/* Until there have been so many requests; 0: until the last phase is over. */
static struct fake_portal_seen attack(enum fake_portal_fault fault, uint32_t requests)
{
    char target[32];
    struct fake_portal *portal = fake_portal_start(fault, 1);
    snprintf(target, sizeof(target), "127.0.0.1:%u", fake_portal_port(portal));
    fake_portal_signal_after(portal, requests, &scene.board->stop);
    scene.start.target = target;
    scene.start.ca_path = fake_portal_ca_path(portal);
    assert_int_equal(generator_main(&scene.start), 0);
    assert_int_equal(scene.out->state, 3);
    return fake_portal_stop(&portal);
}

static const struct results_attack *of(uint32_t phase, enum attack_kind kind)
{
    return &scene.out->attacks[phase].kinds[kind];
}

static uint64_t ended(const struct results_attack *a)
{
    uint64_t sum = 0;
    for (int i = 0; i < ATTACK_OUTCOME_COUNT; i++)
        sum += a->outcomes[i];
    return sum;
}

/* Three of a kind, who are sent away and try again. */
static void expect_ends(enum attack_kind kind, enum attack_outcome expected)
{
    const struct results_attack *a = of(0, kind);
    assert_true(a->begun > 3);
    assert_int_equal(ended(a), a->begun);
    assert_true(a->outcomes[expected] >= 3);
    assert_true(a->outcomes[ATTACK_HANGING] <= 3);
    assert_int_equal(a->outcomes[ATTACK_UNABLE], 0);
}

static void a_slow_head_is_sent_away_and_tries_again(void **state)
{
    (void)state;
    write_scenario(PHASE("all", "1h", "slow_head: 3"), "attack_return: 5ms");
    attack(FAKE_PORTAL_IS_IMPATIENT, 12);
    expect_ends(ATTACK_SLOW_HEAD, ATTACK_STATUS_408);
    assert_true(of(0, ATTACK_SLOW_HEAD)->held_max_us > 0);
}

static void a_slow_body_is_sent_away_and_tries_again(void **state)
{
    (void)state;
    write_scenario(PHASE("all", "1h", "slow_body: 3"), "attack_return: 5ms");
    attack(FAKE_PORTAL_IS_IMPATIENT, 12);
    expect_ends(ATTACK_SLOW_BODY, ATTACK_STATUS_408);
}

static void a_slow_reader_is_sent_away_and_tries_again(void **state)
{
    (void)state;
    write_scenario(PHASE("all", "1h", "slow_read: 3"), "attack_return: 5ms");
    attack(FAKE_PORTAL_IS_IMPATIENT, 12);
    expect_ends(ATTACK_SLOW_READ, ATTACK_CLOSED);
}

/* The portal speaks no HTTP/2, so the flood makes no request by which the end could be told: a slow
 * head makes them, and takes several times as long for each. */
static void a_flood_is_refused_and_tries_again(void **state)
{
    (void)state;
    write_scenario(PHASE("all", "1h", "slow_head: 1, reset_flood: 3"), "attack_return: 5ms");
    attack(FAKE_PORTAL_IS_IMPATIENT, 20);
    expect_ends(ATTACK_RESET_FLOOD, ATTACK_REFUSED);
}

static void nothing_of_it_is_in_the_figures_of_users(void **state)
{
    (void)state;
    write_scenario(PHASE("all", "1h", "slow_head: 3"), "attack_return: 5ms");
    attack(FAKE_PORTAL_IS_IMPATIENT, 20);
    assert_int_equal(scene.out->is_attackers, 1);
    assert_false(results_is_of_users(scene.out));
    assert_int_equal(scene.out->phases[0].planned, 0);
    assert_int_equal(scene.out->phases[0].handshake.count, 0);
    for (int i = 0; i < RESULTS_ERROR_COUNT; i++)
        assert_int_equal(scene.out->phases[0].errors[i], 0);
    assert_int_equal(scene.out->seconds[0].errors, 0);
}

static void who_does_not_return_tries_once(void **state)
{
    (void)state;
    write_scenario(PHASE("all", "1h", "slow_head: 4, slow_body: 4"), "attack_return: 0s");
    struct fake_portal_seen seen = attack(FAKE_PORTAL_IS_IMPATIENT, 8);
    assert_int_equal(seen.connections, 8);
    assert_int_equal(of(0, ATTACK_SLOW_HEAD)->begun, 4);
    assert_int_equal(of(0, ATTACK_SLOW_BODY)->begun, 4);
}

static void who_is_let_stay_is_still_hanging(void **state)
{
    (void)state;
    write_scenario(PHASE("all", "1s", "slow_head: 3, slow_read: 3"), "attack_return: 1s");
    attack(FAKE_PORTAL_IS_SILENT, 0);
    assert_int_equal(of(0, ATTACK_SLOW_HEAD)->outcomes[ATTACK_HANGING], 3);
    assert_int_equal(of(0, ATTACK_SLOW_READ)->outcomes[ATTACK_HANGING], 3);
    assert_int_equal(ended(of(0, ATTACK_SLOW_READ)), 3);
}

static void who_is_called_off_hangs_in_the_phase_that_is_over(void **state)
{
    (void)state;
    write_scenario(PHASE("first", "1s", "slow_head: 3") ", " PHASE(
                       "then", "1s", "slow_head: 1, slow_read: 2") ", " PHASE("last", "1s", ""),
                   "attack_return: 1s");
    attack(FAKE_PORTAL_IS_SILENT, 0);
    assert_int_equal(of(0, ATTACK_SLOW_HEAD)->begun, 3);
    assert_int_equal(of(0, ATTACK_SLOW_HEAD)->outcomes[ATTACK_HANGING], 2);
    assert_int_equal(of(1, ATTACK_SLOW_HEAD)->begun, 0);
    assert_int_equal(of(1, ATTACK_SLOW_HEAD)->outcomes[ATTACK_HANGING], 1);
    assert_int_equal(of(1, ATTACK_SLOW_READ)->outcomes[ATTACK_HANGING], 2);
    assert_false(results_attacks_any(&scene.out->attacks[2]));
}

static void nobody_there_lets_nobody_in(void **state)
{
    (void)state;
    write_scenario(PHASE("all", "1s", "slow_head: 2, reset_flood: 2"), "attack_return: 0s");
    scene.start.target = "127.0.0.1:1";
    assert_int_equal(generator_main(&scene.start), 0);
    assert_int_equal(of(0, ATTACK_SLOW_HEAD)->outcomes[ATTACK_REFUSED], 2);
    assert_int_equal(of(0, ATTACK_RESET_FLOOD)->outcomes[ATTACK_REFUSED], 2);
    assert_int_equal(of(0, ATTACK_SLOW_HEAD)->held_max_us, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_slow_head_is_sent_away_and_tries_again),
        TEST(a_slow_body_is_sent_away_and_tries_again),
        TEST(a_slow_reader_is_sent_away_and_tries_again),
        TEST(a_flood_is_refused_and_tries_again),
        TEST(nothing_of_it_is_in_the_figures_of_users),
        TEST(who_does_not_return_tries_once),
        TEST(who_is_let_stay_is_still_hanging),
        TEST(who_is_called_off_hangs_in_the_phase_that_is_over),
        TEST(nobody_there_lets_nobody_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
