/* Where a peer is that the configuration knows by name: what the keeper has looked up last, on the
 * board. An answer that is worse than the last good one (none, or no address) changes nothing but
 * `problem`. Workers copy the addresses when `turn` has changed. */
#ifndef OBSERVE_PEER_ADDRESSES_H
#define OBSERVE_PEER_ADDRESSES_H

#include "observe/counter.h"

#define PEER_ADDRESSES_MAX 8

struct peer_ip {
    uint8_t bytes[16]; /* network order */
    uint8_t is_v6;
};

struct peer_addresses {
    _Atomic uint64_t turn;     /* grows when the addresses change; odd meanwhile; 0: none so far */
    _Atomic uint64_t attempts; /* to look the name up, however they ended */
    _Atomic uint64_t good_ms;  /* wall clock, of the last good answer */
    _Atomic uint64_t problem;  /* of the last attempt; 0: none */
    _Atomic uint32_t count;
    struct peer_ip ips[PEER_ADDRESSES_MAX];
};

/* Copies what is there; returns the turn that it belongs to, or 0 when there is none, or it is
 * changing at this moment. */
uint64_t peer_addresses_read(const struct peer_addresses *a, struct peer_ip ips[PEER_ADDRESSES_MAX],
                             uint32_t *count);

/* For INET6_ADDRSTRLEN bytes, which are returned. */
const char *peer_ip_text(const struct peer_ip *ip, char *out);

/* The keeper's. `ips` in an order that is always the same; true when they are others than before.
 */
bool peer_addresses_set(struct peer_addresses *a, const struct peer_ip *ips, uint32_t count,
                        uint64_t wall_ms);
void peer_addresses_fail(struct peer_addresses *a, uint32_t problem);

#endif
