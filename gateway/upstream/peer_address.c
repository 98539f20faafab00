#include "upstream/peer_address.h"

#include <string.h>

void peer_address_apply(struct peer_address *a, const struct config_address *config,
                        const struct peer_addresses *found)
{
    if (!config->host) {
        *a = (struct peer_address){ .now = config->sockaddr };
        return;
    }
    if (a->found != found)
        *a = (struct peer_address){ .found = found };
    a->port = htons(config->port);
}

bool peer_address_refresh(struct peer_address *a)
{
    struct peer_ip ips[PEER_ADDRESSES_MAX];
    uint32_t count;
    if (!a->found || counter_read(&a->found->turn) == a->turn)
        return false;
    uint64_t turn = peer_addresses_read(a->found, ips, &count);
    if (turn == 0)
        return false; /* it is being written: next time */
    bool had_some = a->turn != 0;
    a->turn = turn;
    a->count = count;
    memcpy(a->ips, ips, sizeof(ips));
    return had_some;
}

static void write_v4(struct sockaddr_storage *out, const struct peer_ip *ip, in_port_t port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = port };
    memcpy(&v4.sin_addr, ip->bytes, sizeof(v4.sin_addr));
    memcpy(out, &v4, sizeof(v4));
}

static void write_v6(struct sockaddr_storage *out, const struct peer_ip *ip, in_port_t port)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = port };
    memcpy(&v6.sin6_addr, ip->bytes, sizeof(v6.sin6_addr));
    memcpy(out, &v6, sizeof(v6));
}

const struct sockaddr *peer_address_next(struct peer_address *a)
{
    if (a->found) {
        if (a->count == 0)
            return NULL;
        const struct peer_ip *ip = &a->ips[a->next++ % a->count];
        if (ip->is_v6)
            write_v6(&a->now, ip, a->port);
        else
            write_v4(&a->now, ip, a->port);
    } else if (a->now.ss_family == AF_UNSPEC) {
        return NULL; /* a name for which the board has no room */
    }
    return (const struct sockaddr *)&a->now;
}
