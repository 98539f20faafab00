/* Where to connect to for a peer: the address that the configuration gives, or, for a name, those
 * that the keeper has looked up, in turn. */
#ifndef UPSTREAM_PEER_ADDRESS_H
#define UPSTREAM_PEER_ADDRESS_H

#include "config/config.h"
#include "observe/peer_addresses.h"

#include <netinet/in.h>

struct peer_address {
    const struct peer_addresses *found; /* borrowed from the board; NULL: it is no name */
    uint64_t turn;                      /* of the copy; 0: there is none */
    uint32_t count, next;
    struct peer_ip ips[PEER_ADDRESSES_MAX];
    in_port_t port; /* network order */
    struct sockaddr_storage now;
};

/* Keeps what has been found when it is the same as before. */
void peer_address_apply(struct peer_address *a, const struct config_address *config,
                        const struct peer_addresses *found);

/* Takes over what the keeper has found meanwhile: true when addresses have changed that were known.
 */
bool peer_address_refresh(struct peer_address *a);

/* The next one, valid until the next call; NULL: the name has not been found. */
const struct sockaddr *peer_address_next(struct peer_address *a);

#endif
