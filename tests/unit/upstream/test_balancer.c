#include "upstream/balancer.h"

#include "fakes/fake_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct fake_group g;

static const enum config_balance all_policies[] = { CONFIG_BALANCE_P2C, CONFIG_BALANCE_ROUND_ROBIN,
                                                    CONFIG_BALANCE_LEAST_CONNECTIONS,
                                                    CONFIG_BALANCE_HASH };

static void begin(enum config_balance policy, size_t peers)
{
    fake_group_prepare(&g, policy, peers);
    fake_group_start(&g);
}

static void begin_weighted(enum config_balance policy, const uint32_t *weights, size_t peers)
{
    fake_group_prepare(&g, policy, peers);
    for (size_t i = 0; i < peers; i++)
        g.configs[i].weight = weights[i];
    fake_group_start(&g);
}

static void finish(void)
{
    fake_group_end(&g);
}

static void count_touches(unsigned times, unsigned counts[FAKE_PEERS_MAX],
                          const struct balancer_ask *ask)
{
    for (unsigned i = 0; i < times; i++) {
        int index = fake_group_touch(&g, ask);
        assert_true(index >= 0);
        counts[index]++;
    }
}

static struct peer_state *state_of(size_t index)
{
    return fake_group_peer(&g, index)->state;
}

/* ---- in turn ---- */

static void round_robin_follows_the_weights(void **state)
{
    (void)state;
    unsigned counts[FAKE_PEERS_MAX] = { 0 };
    begin_weighted(CONFIG_BALANCE_ROUND_ROBIN, (const uint32_t[]){ 5, 1, 2 }, 3);
    count_touches(80, counts, NULL);
    assert_int_equal(counts[0], 50);
    assert_int_equal(counts[1], 10);
    assert_int_equal(counts[2], 20);
    finish();
}

static void round_robin_spreads_a_heavy_peer_out(void **state)
{
    (void)state;
    begin_weighted(CONFIG_BALANCE_ROUND_ROBIN, (const uint32_t[]){ 2, 1, 1 }, 3);
    unsigned longest = 0, run = 0;
    for (unsigned i = 0; i < 40; i++) {
        run = fake_group_touch(&g, NULL) == 0 ? run + 1 : 0;
        longest = MAX(longest, run);
    }
    assert_true(longest <= 2);
    finish();
}

/* ---- who has least to do ---- */

static void least_connections_counts_all_workers(void **state)
{
    (void)state;
    begin(CONFIG_BALANCE_LEAST_CONNECTIONS, 3);
    board_set_slot(g.board, 7, BOARD_SLOT_UP);
    int index = fake_group_peer(&g, 0)->board_index;
    series_peer_begin(board_peer(g.board, 7, index)); /* another worker's request */
    series_peer_begin(fake_group_peer(&g, 1)->series);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(fake_group_touch(&g, NULL), 2);
    finish();
}

static void least_connections_respects_weights_and_lets_ties_take_turns(void **state)
{
    (void)state;
    begin_weighted(CONFIG_BALANCE_LEAST_CONNECTIONS, (const uint32_t[]){ 4, 1, 1 }, 3);
    series_peer_begin(fake_group_peer(&g, 0)->series);
    assert_int_equal(fake_group_touch(&g, NULL), 0);
    finish();
    unsigned counts[FAKE_PEERS_MAX] = { 0 };
    begin(CONFIG_BALANCE_LEAST_CONNECTIONS, 3);
    count_touches(30, counts, NULL);
    assert_int_equal(counts[0], 10);
    assert_int_equal(counts[1], 10);
    finish();
}

/* ---- the better of two ---- */

/* Requests that stay: as many are under way as the peers' weights say. */
static void p2c_fills_peers_by_their_weights(void **state)
{
    (void)state;
    unsigned counts[FAKE_PEERS_MAX] = { 0 };
    begin_weighted(CONFIG_BALANCE_P2C, (const uint32_t[]){ 3, 1, 1, 1 }, 4);
    for (unsigned i = 0; i < 600; i++)
        counts[fake_group_pick(&g, NULL)]++;
    assert_in_range(counts[0], 285, 315);
    for (size_t i = 1; i < 4; i++)
        assert_in_range(counts[i], 90, 110);
    finish();
}

static void p2c_spreads_over_many_peers(void **state)
{
    (void)state;
    unsigned counts[FAKE_PEERS_MAX] = { 0 };
    begin(CONFIG_BALANCE_P2C, 16);
    for (unsigned i = 0; i < 1600; i++)
        counts[fake_group_pick(&g, NULL)]++;
    for (size_t i = 0; i < 16; i++)
        assert_in_range(counts[i], 95, 105); /* two choices leave a handful of difference */
    finish();
}

static void p2c_chooses_among_equals_at_random(void **state)
{
    (void)state;
    unsigned counts[FAKE_PEERS_MAX] = { 0 };
    begin_weighted(CONFIG_BALANCE_P2C, (const uint32_t[]){ 1, 1, 1, 1 }, 4);
    count_touches(4000, counts, NULL);
    for (size_t i = 0; i < 4; i++)
        assert_in_range(counts[i], 800, 1200);
    finish();
}

static void p2c_prefers_who_answers_sooner(void **state)
{
    (void)state;
    begin(CONFIG_BALANCE_P2C, 2);
    peer_state_observe(state_of(0), 40000, 1000000);
    peer_state_observe(state_of(1), 10000, 1000000);
    balancer_forget(&g.balancer);
    assert_int_equal(fake_group_pick(&g, NULL), 1);
    assert_int_equal(fake_group_pick(&g, NULL), 1);
    assert_int_equal(fake_group_pick(&g, NULL), 1);
    unsigned counts[FAKE_PEERS_MAX] = { [1] = 3 };
    for (unsigned i = 0; i < 97; i++)
        counts[fake_group_pick(&g, NULL)]++;
    assert_in_range(counts[0], 19, 21); /* a fifth, for it takes four times as long */
    finish();
}

static void p2c_avoids_who_has_just_failed_and_forgets_it(void **state)
{
    (void)state;
    begin(CONFIG_BALANCE_P2C, 2);
    peer_state_observe(state_of(0), 10000, 1000000);
    peer_state_observe(state_of(1), 10000, 1000000);
    counter_set(&state_of(0)->avoid_until_ms, 1005000);
    balancer_forget(&g.balancer);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(fake_group_touch(&g, NULL), 1);
    fake_group_pass(&g, 5001);
    unsigned counts[FAKE_PEERS_MAX] = { 0 };
    count_touches(100, counts, NULL);
    assert_true(counts[0] > 20);
    finish();
}

/* ---- by a key ---- */

static void a_session_stays_with_its_peer_whatever_the_policy(void **state)
{
    (void)state;
    unsigned counts[FAKE_PEERS_MAX] = { 0 }, moved[FAKE_PEERS_MAX] = { 0 };
    begin_weighted(CONFIG_BALANCE_ROUND_ROBIN, (const uint32_t[]){ 4, 1, 3 }, 3);
    for (uint64_t key = 1; key <= 8000; key++) {
        struct balancer_ask ask = { .key = key, .key_binds = true };
        int first = fake_group_touch(&g, &ask);
        assert_int_equal(first, fake_group_touch(&g, &ask));
        ask.except = fake_group_peer(&g, 2);
        int then = fake_group_touch(&g, &ask);
        assert_true(first == 2 ? then != 2 : then == first);
        counts[first]++;
        moved[then] += first == 2;
    }
    assert_in_range(counts[0], 3800, 4200);
    assert_in_range(counts[1], 880, 1120);
    assert_in_range(counts[2], 2800, 3200);
    assert_in_range(moved[0], 3 * moved[1], 5 * moved[1]); /* four to one */
    finish();
}

static void a_key_goes_to_one_peer_until_that_has_more_than_its_share(void **state)
{
    (void)state;
    unsigned counts[FAKE_PEERS_MAX] = { 0 };
    begin(CONFIG_BALANCE_HASH, 4);
    struct balancer_ask ask = { .key = 4711 };
    int home = fake_group_touch(&g, &ask);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(fake_group_touch(&g, &ask), home);
    for (unsigned i = 0; i < 400; i++) {
        int index = fake_group_pick(&g, &ask);
        counts[index]++;
        assert_true(counts[index] <= (i + 1) * 1.25 / 4 + 1);
    }
    assert_in_range(counts[home], 124, 126); /* a quarter more than 100 */
    finish();
}

static void keys_have_their_shares_and_stay_when_another_peer_goes(void **state)
{
    (void)state;
    begin(CONFIG_BALANCE_HASH, 5);
    unsigned counts[FAKE_PEERS_MAX] = { 0 };
    int before[2000];
    for (uint64_t key = 1; key <= 2000; key++) {
        before[key - 1] = fake_group_touch(&g, &(struct balancer_ask){ .key = key });
        counts[before[key - 1]]++;
    }
    for (size_t i = 0; i < 5; i++)
        assert_in_range(counts[i], 320, 480);
    fake_group_probe(&g, 3, false);
    for (uint64_t key = 1; key <= 2000; key++) {
        int now = fake_group_touch(&g, &(struct balancer_ask){ .key = key });
        assert_true(before[key - 1] == 3 ? now != 3 : now == before[key - 1]);
    }
    finish();
}

/* ---- for all policies ---- */

static void a_peer_can_be_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all_policies); i++) {
        unsigned counts[FAKE_PEERS_MAX] = { 0 };
        begin(all_policies[i], 3);
        count_touches(30, counts,
                      &(struct balancer_ask){ .key = 7, .except = fake_group_peer(&g, 1) });
        assert_int_equal(counts[1], 0);
        finish();
    }
}

static void who_is_down_gets_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all_policies); i++) {
        unsigned counts[FAKE_PEERS_MAX] = { 0 };
        begin(all_policies[i], 4);
        fake_group_probe(&g, 1, false);
        for (uint64_t key = 0; key < 40; key++)
            count_touches(1, counts, &(struct balancer_ask){ .key = key });
        assert_int_equal(counts[1], 0);
        assert_true(counts[0] > 0 && counts[2] > 0 && counts[3] > 0);
        finish();
    }
}

static void all_are_used_when_too_few_are_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all_policies); i++) {
        unsigned counts[FAKE_PEERS_MAX] = { 0 };
        begin(all_policies[i], 4);
        for (size_t k = 0; k < 3; k++)
            fake_group_probe(&g, k, false);
        for (uint64_t key = 0; key < 100; key++)
            count_touches(1, counts, &(struct balancer_ask){ .key = key });
        assert_true(g.balancer.panics);
        for (size_t k = 0; k < 4; k++)
            assert_true(counts[k] > 5);
        fake_group_probe(&g, 0, true); /* half of them is enough */
        assert_true(fake_group_touch(&g, NULL) % 3 == 0);
        assert_false(g.balancer.panics);
        finish();
    }
}

static void panic_can_be_switched_off(void **state)
{
    (void)state;
    fake_group_prepare(&g, CONFIG_BALANCE_P2C, 2);
    g.upstream.panic_share = 0;
    fake_group_start(&g);
    fake_group_probe(&g, 0, false);
    fake_group_probe(&g, 1, false);
    assert_int_equal(fake_group_touch(&g, NULL), -1);
    finish();
}

static void backups_serve_when_nobody_else_is_available(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all_policies); i++) {
        fake_group_prepare(&g, all_policies[i], 3);
        g.configs[2].backup = true;
        fake_group_start(&g);
        for (uint64_t key = 0; key < 40; key++)
            assert_int_not_equal(fake_group_touch(&g, &(struct balancer_ask){ .key = key }), 2);
        fake_group_probe(&g, 0, false);
        assert_int_equal(fake_group_touch(&g, NULL), 1);
        fake_group_probe(&g, 1, false);
        assert_int_equal(fake_group_touch(&g, NULL), 2);
        fake_group_probe(&g, 2, false);
        assert_int_not_equal(fake_group_touch(&g, NULL), 2);
        assert_true(g.balancer.panics);
        finish();
    }
}

static void nobody_gets_more_requests_than_it_may(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all_policies); i++) {
        unsigned counts[FAKE_PEERS_MAX] = { 0 };
        fake_group_prepare(&g, all_policies[i], 3);
        g.configs[0].max_connections = 2;
        g.configs[1].max_connections = 3;
        g.configs[2].max_connections = 4;
        g.configs[2].backup = true;
        fake_group_start(&g);
        struct balancer_ask ask = { .key = 5 };
        for (unsigned k = 0; k < 5; k++)
            counts[fake_group_pick(&g, &ask)]++;
        assert_int_equal(counts[0], 2);
        assert_int_equal(counts[1], 3);
        for (unsigned k = 0; k < 4; k++)
            assert_int_equal(fake_group_pick(&g, &ask), 2);
        assert_int_equal(fake_group_pick(&g, &ask), -1);
        peer_let_go(fake_group_peer(&g, 0));
        assert_int_equal(fake_group_pick(&g, &ask), 0);
        finish();
    }
}

static void a_cap_counts_all_workers(void **state)
{
    (void)state;
    struct fake_group other;
    fake_group_prepare(&g, CONFIG_BALANCE_P2C, 1);
    g.configs[0].max_connections = 3;
    fake_group_start(&g);
    fake_group_join(&other, &g);
    assert_int_equal(fake_group_pick(&g, NULL), 0);
    assert_int_equal(fake_group_pick(&other, NULL), 0);
    assert_int_equal(fake_group_pick(&other, NULL), 0);
    assert_int_equal(fake_group_pick(&other, NULL), -1);
    assert_int_equal(fake_group_pick(&g, NULL), -1);
    assert_int_equal(peer_in_flight(fake_group_peer(&g, 0)), 3);
    fake_group_leave(&other);
    finish();
}

static void who_is_back_gets_more_from_moment_to_moment(void **state)
{
    (void)state;
    begin(CONFIG_BALANCE_ROUND_ROBIN, 2);
    fake_group_probe(&g, 0, false);
    fake_group_probe(&g, 0, true);
    static const struct {
        uint64_t pass_ms;
        unsigned least, most;
    } steps[] = { { 20, 90, 92 }, { 9980, 330, 335 }, { 10000, 499, 501 } };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        unsigned counts[FAKE_PEERS_MAX] = { 0 };
        fake_group_pass(&g, steps[i].pass_ms);
        count_touches(1000, counts, NULL);
        assert_in_range(counts[0], steps[i].least, steps[i].most);
    }
    finish();
}

static void what_another_worker_learns_counts_here_too(void **state)
{
    (void)state;
    struct fake_group other;
    begin(CONFIG_BALANCE_P2C, 2);
    fake_group_join(&other, &g);
    counter_set(&state_of(0)->ejection,
                peer_ejection_word((struct peer_ejection){ 1000000, 1, 0 }));
    counter_set(&state_of(0)->trial_ms, 1005000);
    fake_group_pass(&other, 10);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(fake_group_touch(&other, NULL), 1);
    fake_group_leave(&other);
    finish();
}

static void a_request_that_failed_at_the_last_peer_goes_to_any_other(void **state)
{
    (void)state;
    begin(CONFIG_BALANCE_P2C, 2);
    fake_group_probe(&g, 0, false);
    struct balancer_ask again = { .except = fake_group_peer(&g, 1) };
    assert_int_equal(fake_group_touch(&g, &again), 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_robin_follows_the_weights),
        cmocka_unit_test(round_robin_spreads_a_heavy_peer_out),
        cmocka_unit_test(least_connections_counts_all_workers),
        cmocka_unit_test(least_connections_respects_weights_and_lets_ties_take_turns),
        cmocka_unit_test(p2c_fills_peers_by_their_weights),
        cmocka_unit_test(p2c_spreads_over_many_peers),
        cmocka_unit_test(p2c_chooses_among_equals_at_random),
        cmocka_unit_test(p2c_prefers_who_answers_sooner),
        cmocka_unit_test(p2c_avoids_who_has_just_failed_and_forgets_it),
        cmocka_unit_test(a_session_stays_with_its_peer_whatever_the_policy),
        cmocka_unit_test(a_key_goes_to_one_peer_until_that_has_more_than_its_share),
        cmocka_unit_test(keys_have_their_shares_and_stay_when_another_peer_goes),
        cmocka_unit_test(a_peer_can_be_left_out),
        cmocka_unit_test(who_is_down_gets_nothing),
        cmocka_unit_test(all_are_used_when_too_few_are_left),
        cmocka_unit_test(panic_can_be_switched_off),
        cmocka_unit_test(backups_serve_when_nobody_else_is_available),
        cmocka_unit_test(nobody_gets_more_requests_than_it_may),
        cmocka_unit_test(a_cap_counts_all_workers),
        cmocka_unit_test(who_is_back_gets_more_from_moment_to_moment),
        cmocka_unit_test(what_another_worker_learns_counts_here_too),
        cmocka_unit_test(a_request_that_failed_at_the_last_peer_goes_to_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
