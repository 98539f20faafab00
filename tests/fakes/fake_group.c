#include "fakes/fake_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define START_US 1000000000ull

void fake_group_prepare(struct fake_group *g, enum config_balance policy, size_t peers)
{
    static const char *const addresses[FAKE_PEERS_MAX] = {
        "10.0.0.1:80",  "10.0.0.2:80",  "10.0.0.3:80",  "10.0.0.4:80",
        "10.0.0.5:80",  "10.0.0.6:80",  "10.0.0.7:80",  "10.0.0.8:80",
        "10.0.0.9:80",  "10.0.0.10:80", "10.0.0.11:80", "10.0.0.12:80",
        "10.0.0.13:80", "10.0.0.14:80", "10.0.0.15:80", "10.0.0.16:80",
    };
    *g = (struct fake_group){ 0 };
    for (size_t i = 0; i < peers; i++) {
        g->configs[i].address.text = addresses[i];
        g->configs[i].weight = 1;
    }
    g->upstream = (struct config_upstream){
        .name = "portal",
        .balance = policy,
        .ejection = { 5, 50, 5000, 15000, 50 },
        .panic_share = 50,
        .slow_start_ms = 20000,
        .peers = g->configs,
        .peer_count = peers,
        .keep_alive_connections = 1,
    };
}

static void begin(struct fake_group *g, uint32_t slot)
{
    assert_int_equal(loop_init(&g->loop), 0);
    g->loop.now_us = START_US;
    g->loop.random = (struct random){ .s = { 1, 2, 3, 4 + slot } }; /* the same in each run */
    peer_set_init(&g->set, &g->loop, g->board, slot);
    board_set_slot(g->board, slot, BOARD_SLOT_UP);
    balancer_init(&g->balancer, &g->upstream, &g->set);
}

void fake_group_start(struct fake_group *g)
{
    struct err e;
    g->board = board_create(&e);
    assert_non_null(g->board);
    for (size_t i = 0; i < g->upstream.peer_count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "portal/%s", g->configs[i].address.text);
        assert_true(board_register(g->board, SERIES_PEER, slice_str(name)) >= 0);
    }
    begin(g, 0);
}

void fake_group_join(struct fake_group *other, struct fake_group *g)
{
    *other = (struct fake_group){ .board = g->board, .upstream = g->upstream };
    begin(other, 1);
    other->loop.now_us = g->loop.now_us;
}

void fake_group_leave(struct fake_group *other)
{
    balancer_fini(&other->balancer);
    loop_fini(&other->loop);
}

void fake_group_end(struct fake_group *g)
{
    fake_group_leave(g);
    board_free(&g->board);
}

void fake_group_pass(struct fake_group *g, uint64_t ms)
{
    g->loop.now_us += ms * 1000;
}

static int index_of(const struct fake_group *g, const struct peer *p)
{
    for (size_t i = 0; i < g->balancer.count; i++)
        if (g->balancer.places[i].peer == p)
            return (int)i;
    return -1;
}

int fake_group_pick(struct fake_group *g, const struct balancer_ask *ask)
{
    static const struct balancer_ask nothing = { 0 };
    return index_of(g, balancer_pick(&g->balancer, ask ? ask : &nothing));
}

int fake_group_touch(struct fake_group *g, const struct balancer_ask *ask)
{
    int index = fake_group_pick(g, ask);
    if (index >= 0)
        peer_let_go(g->balancer.places[index].peer);
    return index;
}

void fake_group_probe(struct fake_group *g, size_t index, bool is_up)
{
    struct peer *p = fake_group_peer(g, index);
    struct health_report report = { is_up ? HEALTH_PASSED : HEALTH_TIMEOUT, 0 };
    peer_health_note(board_peer_health(g->board, p->board_index), &report, 1, 1, 1);
    if (is_up)
        peer_state_return(p->state, g->loop.now_us / 1000);
    balancer_forget(&g->balancer);
}

struct peer *fake_group_peer(struct fake_group *g, size_t index)
{
    return g->balancer.places[index].peer;
}
