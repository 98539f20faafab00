/* Who may connect: no address, and no network, gets all of the gateway for itself.
 *
 * Decided when a connection is accepted, or its PROXY header has come, and always before TLS: what
 * is refused costs little. Counted are IPv4 addresses, which a village may share behind its
 * provider's NAT; IPv6 by /64, what a household or a phone has, and by /48, what one customer can
 * have, and a provider's phones may share. So limits are parts of capacity.users where nothing else
 * is said (config/load.c). Workers that decide at the same instant may let in one more each.
 *
 * Networks of trusted_proxies are exempt: behind them is everybody. */
#ifndef HTTP_ADMISSION_H
#define HTTP_ADMISSION_H

#include "net/address.h"
#include "net/address_counts.h"
#include "observe/metrics.h"

enum admission_limit {
    ADMISSION_ADDRESS_CONNECTIONS,
    ADMISSION_NETWORK_CONNECTIONS,
    ADMISSION_ADDRESS_HANDSHAKES,
    ADMISSION_NETWORK_HANDSHAKES,
    ADMISSION_LIMITS,
};

struct admission {
    struct address_counts counts;
    struct metrics *metrics; /* borrowed */
    uint32_t most[ADMISSION_LIMITS];
    const struct config_network *exempt; /* borrowed */
    size_t exempt_count;
    uint64_t logged_s[ADMISSION_LIMITS]; /* when a refusal was last told */
};

enum admission_verdict {
    ADMISSION_REFUSED,
    ADMISSION_EXEMPT,
    ADMISSION_COUNTED, /* until admission_release() */
};

void admission_init(struct admission *a, struct board *board, uint32_t slot, struct metrics *m);
/* The limits of this configuration, which stays until the next one comes. */
void admission_apply(struct admission *a, const struct config *config);

enum admission_verdict admission_ask(struct admission *a, const struct address *client,
                                     bool handshake, uint64_t now_ms) MUST_CHECK;
/* The connection of a client that was counted has ended. */
void admission_release(struct admission *a, const struct address *client);

#endif
