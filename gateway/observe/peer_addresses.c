#include "observe/peer_addresses.h"

#include <arpa/inet.h>
#include <string.h>

static uint64_t load_turn(const struct peer_addresses *a)
{
    return atomic_load_explicit(&a->turn, memory_order_acquire);
}

static uint32_t load_count(const struct peer_addresses *a)
{
    return MIN(atomic_load_explicit(&a->count, memory_order_relaxed), PEER_ADDRESSES_MAX);
}

uint64_t peer_addresses_read(const struct peer_addresses *a, struct peer_ip ips[PEER_ADDRESSES_MAX],
                             uint32_t *count)
{
    uint64_t turn = load_turn(a);
    *count = load_count(a);
    memcpy(ips, a->ips, sizeof(a->ips));
    atomic_thread_fence(memory_order_acquire);
    return turn % 2 == 0 && load_turn(a) == turn ? turn : 0;
}

bool peer_addresses_set(struct peer_addresses *a, const struct peer_ip *ips, uint32_t count,
                        uint64_t wall_ms)
{
    uint64_t turn = load_turn(a);
    bool is_same = turn && turn % 2 == 0 && load_count(a) == count &&
                   memcmp(a->ips, ips, count * sizeof(*ips)) == 0;
    if (!is_same) {
        atomic_store_explicit(&a->turn, turn | 1, memory_order_relaxed);
        atomic_thread_fence(memory_order_release);
        memcpy(a->ips, ips, count * sizeof(*ips));
        atomic_store_explicit(&a->count, count, memory_order_relaxed);
        atomic_store_explicit(&a->turn, (turn | 1) + 1, memory_order_release);
    }
    counter_set(&a->good_ms, wall_ms);
    counter_set(&a->problem, 0);
    counter_add(&a->attempts, 1);
    return !is_same;
}

void peer_addresses_fail(struct peer_addresses *a, uint32_t problem)
{
    counter_set(&a->problem, problem);
    counter_add(&a->attempts, 1);
}

const char *peer_ip_text(const struct peer_ip *ip, char *out)
{
    const char *text = inet_ntop(ip->is_v6 ? AF_INET6 : AF_INET, ip->bytes, out, INET6_ADDRSTRLEN);
    assert(text);
    return text;
}
