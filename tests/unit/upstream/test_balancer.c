#include "upstream/balancer.h"

#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define PEERS 3

/* Peers without connections or counters on the board: a cell for each takes their place. */
struct fixture {
    struct board *board;
    struct peer_set set;
    struct loop loop;
    struct config_peer configs[PEERS];
    struct config_upstream upstream;
    struct balancer balancer;
};

static struct fixture f;

static void begin(enum config_balance policy, const uint32_t weights[PEERS])
{
    static const char *const addresses[PEERS] = { "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80" };
    struct err e;
    f = (struct fixture){ .upstream = { .name = "portal", .keep_alive_connections = 1 } };
    f.board = board_create(&e);
    assert_non_null(f.board);
    assert_int_equal(loop_init(&f.loop), 0);
    peer_set_init(&f.set, &f.loop, f.board, 0);
    struct balancer_place *places = mem_new_array(PEERS, sizeof(*places));
    for (size_t i = 0; i < PEERS; i++) {
        char name[64];
        snprintf(name, sizeof(name), "portal/%s", addresses[i]);
        assert_true(board_register(f.board, SERIES_PEER, slice_str(name)) >= 0);
        f.configs[i].address.text = addresses[i];
        places[i].peer = peer_get(&f.set, &f.upstream, &f.configs[i]);
        places[i].weight = weights[i];
    }
    balancer_init(&f.balancer, policy, places, PEERS, &f.loop.random);
}

static void finish(void)
{
    balancer_fini(&f.balancer);
    loop_fini(&f.loop);
    board_free(&f.board);
}

static void count_turns(unsigned turns, unsigned counts[PEERS], const struct peer *except)
{
    for (unsigned i = 0; i < turns; i++) {
        const struct peer *p = balancer_pick(&f.balancer, except);
        for (size_t k = 0; k < PEERS; k++)
            counts[k] += f.balancer.places[k].peer == p;
    }
}

static void round_robin_follows_the_weights(void **state)
{
    (void)state;
    unsigned counts[PEERS] = { 0 };
    begin(CONFIG_BALANCE_ROUND_ROBIN, (const uint32_t[]){ 5, 1, 2 });
    count_turns(80, counts, NULL);
    assert_int_equal(counts[0], 50);
    assert_int_equal(counts[1], 10);
    assert_int_equal(counts[2], 20);
    finish();
}

static void round_robin_spreads_a_heavy_peer_out(void **state)
{
    (void)state;
    begin(CONFIG_BALANCE_ROUND_ROBIN, (const uint32_t[]){ 2, 1, 1 });
    unsigned longest = 0, run = 0;
    for (unsigned i = 0; i < 40; i++) {
        bool heavy = balancer_pick(&f.balancer, NULL) == f.balancer.places[0].peer;
        run = heavy ? run + 1 : 0;
        longest = MAX(longest, run);
    }
    assert_true(longest <= 2);
    finish();
}

static void a_peer_can_be_left_out(void **state)
{
    (void)state;
    static const enum config_balance policies[] = { CONFIG_BALANCE_ROUND_ROBIN,
                                                    CONFIG_BALANCE_LEAST_CONNECTIONS };
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        unsigned counts[PEERS] = { 0 };
        begin(policies[i], (const uint32_t[]){ 1, 1, 1 });
        count_turns(30, counts, f.balancer.places[1].peer);
        assert_int_equal(counts[1], 0);
        assert_int_equal(counts[0] + counts[2], 30);
        finish();
    }
}

static void least_connections_counts_all_workers(void **state)
{
    (void)state;
    begin(CONFIG_BALANCE_LEAST_CONNECTIONS, (const uint32_t[]){ 1, 1, 1 });
    board_set_slot(f.board, 0, BOARD_SLOT_UP);
    board_set_slot(f.board, 7, BOARD_SLOT_UP);
    int index = f.balancer.places[0].peer->board_index;
    series_peer_begin(board_peer(f.board, 7, index)); /* another worker's request */
    series_peer_begin(f.balancer.places[1].peer->series);
    for (unsigned i = 0; i < 5; i++)
        assert_ptr_equal(balancer_pick(&f.balancer, NULL), f.balancer.places[2].peer);
    finish();
}

static void least_connections_respects_weights_and_lets_ties_take_turns(void **state)
{
    (void)state;
    begin(CONFIG_BALANCE_LEAST_CONNECTIONS, (const uint32_t[]){ 4, 1, 1 });
    series_peer_begin(f.balancer.places[0].peer->series);
    assert_ptr_equal(balancer_pick(&f.balancer, NULL), f.balancer.places[0].peer);
    finish();
    unsigned counts[PEERS] = { 0 };
    begin(CONFIG_BALANCE_LEAST_CONNECTIONS, (const uint32_t[]){ 1, 1, 1 });
    count_turns(30, counts, NULL);
    assert_int_equal(counts[0], 10);
    assert_int_equal(counts[1], 10);
    finish();
}

static void a_session_stays_with_its_peer(void **state)
{
    (void)state;
    unsigned counts[PEERS] = { 0 }, moved[PEERS] = { 0 };
    begin(CONFIG_BALANCE_ROUND_ROBIN, (const uint32_t[]){ 4, 1, 3 });
    const struct peer *gone = f.balancer.places[2].peer;
    for (uint64_t key = 1; key <= 8000; key++) {
        const struct peer *p = balancer_pick_for(&f.balancer, key, NULL);
        const struct peer *then = balancer_pick_for(&f.balancer, key, gone);
        assert_ptr_equal(p, balancer_pick_for(&f.balancer, key, NULL));
        assert_true(p == gone ? then != gone : then == p);
        for (size_t k = 0; k < PEERS; k++) {
            counts[k] += f.balancer.places[k].peer == p;
            moved[k] += p == gone && f.balancer.places[k].peer == then;
        }
    }
    assert_in_range(counts[0], 3800, 4200);
    assert_in_range(counts[1], 880, 1120);
    assert_in_range(counts[2], 2800, 3200);
    assert_in_range(moved[0], 3 * moved[1], 5 * moved[1]); /* four to one */
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_robin_follows_the_weights),
        cmocka_unit_test(round_robin_spreads_a_heavy_peer_out),
        cmocka_unit_test(a_peer_can_be_left_out),
        cmocka_unit_test(least_connections_counts_all_workers),
        cmocka_unit_test(least_connections_respects_weights_and_lets_ties_take_turns),
        cmocka_unit_test(a_session_stays_with_its_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
