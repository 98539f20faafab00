#include "http/admission.h"

#include "common/log.h"

#define IPV6_ADDRESS_BYTES 8 /* a /64 */
#define IPV6_NETWORK_BYTES 6 /* a /48 */

static const struct {
    enum metric_counter counter;
    const char *text, *setting;
} limits[ADMISSION_LIMITS] = {
    [ADMISSION_ADDRESS_CONNECTIONS] = { COUNTER_REFUSED_ADDRESS_CONNECTIONS,
                                        "connections are open from its address",
                                        "connections_per_address" },
    [ADMISSION_NETWORK_CONNECTIONS] = { COUNTER_REFUSED_NETWORK_CONNECTIONS,
                                        "connections are open from its network",
                                        "connections_per_network" },
    [ADMISSION_ADDRESS_HANDSHAKES] = { COUNTER_REFUSED_ADDRESS_HANDSHAKES,
                                       "TLS handshakes of its address began within a minute",
                                       "handshakes_per_address" },
    [ADMISSION_NETWORK_HANDSHAKES] = { COUNTER_REFUSED_NETWORK_HANDSHAKES,
                                       "TLS handshakes of its network began within a minute",
                                       "handshakes_per_network" },
};

/* What of a client is counted; in IPv4 its address alone. */
struct places {
    struct address_counts_place address, network;
    bool has_network;
};

static struct places places_of(const struct admission *a, const struct address *client)
{
    const char *ip = (const char *)client->ip;
    bool v6 = client->family == AF_INET6;
    struct places p = { .has_network = v6 };
    p.address = address_counts_place(&a->counts, slice_of(ip, v6 ? IPV6_ADDRESS_BYTES : 4));
    if (v6)
        p.network = address_counts_place(&a->counts, slice_of(ip, IPV6_NETWORK_BYTES));
    return p;
}

void admission_init(struct admission *a, struct board *board, uint32_t slot, struct metrics *m)
{
    *a = (struct admission){ .metrics = m };
    address_counts_init(&a->counts, board, slot);
}

void admission_apply(struct admission *a, const struct config *config)
{
    const struct config_limits *l = &config->limits;
    a->most[ADMISSION_ADDRESS_CONNECTIONS] = l->connections_per_address;
    a->most[ADMISSION_NETWORK_CONNECTIONS] = l->connections_per_network;
    a->most[ADMISSION_ADDRESS_HANDSHAKES] = l->handshakes_per_address;
    a->most[ADMISSION_NETWORK_HANDSHAKES] = l->handshakes_per_network;
    a->exempt = config->trusted_proxies;
    a->exempt_count = config->trusted_proxy_count;
}

/* A line a second of each limit tells enough of an attack. */
static void refuse(struct admission *a, const struct address *client, enum admission_limit limit,
                   uint64_t now_ms)
{
    char address[ADDRESS_TEXT_BYTES];
    metrics_add(a->metrics, limits[limit].counter, 1);
    if (a->logged_s[limit] == now_ms / 1000)
        return;
    a->logged_s[limit] = now_ms / 1000;
    log_write(LOG_WARN,
              "a connection of %.*s is refused: %u %s, all that limits.%s allows; a load balancer "
              "belongs to trusted_proxies",
              (int)address_format(client, address), address, a->most[limit], limits[limit].text,
              limits[limit].setting);
}

/* ADMISSION_LIMITS: none is reached. */
static enum admission_limit reached(const struct admission *a, const struct places *p,
                                    bool handshake, uint64_t now_ms)
{
    const struct address_counts *c = &a->counts;
    const uint32_t *most = a->most;
    if (address_counts_open(c, p->address) >= most[ADMISSION_ADDRESS_CONNECTIONS])
        return ADMISSION_ADDRESS_CONNECTIONS;
    if (p->has_network && address_counts_open(c, p->network) >= most[ADMISSION_NETWORK_CONNECTIONS])
        return ADMISSION_NETWORK_CONNECTIONS;
    if (!handshake)
        return ADMISSION_LIMITS;
    if (address_counts_begun(c, p->address, now_ms) >= most[ADMISSION_ADDRESS_HANDSHAKES])
        return ADMISSION_ADDRESS_HANDSHAKES;
    if (p->has_network &&
        address_counts_begun(c, p->network, now_ms) >= most[ADMISSION_NETWORK_HANDSHAKES])
        return ADMISSION_NETWORK_HANDSHAKES;
    return ADMISSION_LIMITS;
}

static void count(struct admission *a, const struct places *p, int change)
{
    address_counts_add(&a->counts, p->address, change);
    if (p->has_network)
        address_counts_add(&a->counts, p->network, change);
}

enum admission_verdict admission_ask(struct admission *a, const struct address *client,
                                     bool handshake, uint64_t now_ms)
{
    if (client->family == AF_UNSPEC || address_is_in(client, a->exempt, a->exempt_count))
        return ADMISSION_EXEMPT;
    struct places p = places_of(a, client);
    enum admission_limit limit = reached(a, &p, handshake, now_ms);
    if (limit != ADMISSION_LIMITS) {
        refuse(a, client, limit, now_ms);
        return ADMISSION_REFUSED;
    }
    count(a, &p, 1);
    if (handshake) {
        address_counts_begin(&a->counts, p.address, now_ms);
        if (p.has_network)
            address_counts_begin(&a->counts, p.network, now_ms);
    }
    return ADMISSION_COUNTED;
}

void admission_release(struct admission *a, const struct address *client)
{
    struct places p = places_of(a, client);
    count(a, &p, -1);
}
