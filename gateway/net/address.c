#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define GROUPS 8 /* 16-bit groups of an IPv6 address */

struct address address_ipv4(const uint8_t ip[4], uint16_t port)
{
    struct address a = { .port = port, .family = AF_INET };
    memcpy(a.ip, ip, 4);
    return a;
}

struct address address_ipv6(const uint8_t ip[16], uint16_t port)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (memcmp(ip, mapped, sizeof(mapped)) == 0)
        return address_ipv4(ip + sizeof(mapped), port);
    struct address a = { .port = port, .family = AF_INET6 };
    memcpy(a.ip, ip, 16);
    return a;
}

bool address_from_sockaddr(struct address *a, const struct sockaddr *from)
{
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)from;
        *a = address_ipv4((const uint8_t *)&in->sin_addr, ntohs(in->sin_port));
        return true;
    }
    if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)from;
        *a = address_ipv6(in6->sin6_addr.s6_addr, ntohs(in6->sin6_port));
        return true;
    }
    *a = (struct address){ 0 };
    return false;
}

socklen_t address_to_sockaddr(const struct address *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    out->ss_family = a->family;
    if (a->family == AF_INET) {
        struct sockaddr_in *in = (void *)out;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof(*in);
    }
    if (a->family == AF_INET6) {
        struct sockaddr_in6 *in6 = (void *)out;
        in6->sin6_port = htons(a->port);
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof(*in6);
    }
    return 0;
}

static char *put_octet(char *out, unsigned value)
{
    if (value >= 100)
        *out++ = (char)('0' + value / 100);
    if (value >= 10)
        *out++ = (char)('0' + value / 10 % 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

static char *put_ipv4(char *out, const uint8_t *ip)
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            *out++ = '.';
        out = put_octet(out, ip[i]);
    }
    return out;
}

static char *put_group(char *out, unsigned value)
{
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = value >> shift & 0xf;
        started = started || digit || shift == 0;
        if (started)
            *out++ = "0123456789abcdef"[digit];
    }
    return out;
}

struct zero_run {
    size_t at, len;
};

/* The run that "::" stands for: the longest, the first of equals, never a single group
 * (RFC 5952 4.2). */
static struct zero_run longest_zero_run(const unsigned *groups)
{
    struct zero_run best = { GROUPS, 0 }, run = { 0, 0 };
    for (size_t i = 0; i < GROUPS; i++) {
        run.len = groups[i] ? 0 : run.len + 1;
        run.at = i + 1 - run.len;
        if (run.len > 1 && run.len > best.len)
            best = run;
    }
    return best;
}

static char *put_ipv6(char *out, const uint8_t *ip)
{
    unsigned groups[GROUPS];
    for (size_t i = 0; i < GROUPS; i++)
        groups[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
    struct zero_run zeros = longest_zero_run(groups);
    for (size_t i = 0; i < GROUPS; i++) {
        if (i == zeros.at) {
            *out++ = ':';
            i += zeros.len - 1;
            if (i == GROUPS - 1)
                *out++ = ':';
            continue;
        }
        if (i > 0)
            *out++ = ':';
        out = put_group(out, groups[i]);
    }
    return out;
}

size_t address_format(const struct address *a, char out[ADDRESS_TEXT_BYTES])
{
    char *end;
    if (LIKELY(a->family == AF_INET))
        end = put_ipv4(out, a->ip);
    else if (a->family == AF_INET6)
        end = put_ipv6(out, a->ip);
    else
        end = (char *)memcpy(out, "unknown", 7) + 7;
    *end = '\0';
    return (size_t)(end - out);
}

bool address_parse(struct address *a, struct slice text)
{
    char terminated[ADDRESS_TEXT_BYTES];
    uint8_t ip[16];
    *a = (struct address){ 0 };
    if (text.len == 0 || text.len >= sizeof(terminated) || slice_find(text, '\0') < text.len)
        return false;
    memcpy(terminated, text.data, text.len);
    terminated[text.len] = '\0';
    if (inet_pton(AF_INET, terminated, ip) == 1)
        *a = address_ipv4(ip, 0);
    else if (inet_pton(AF_INET6, terminated, ip) == 1)
        *a = address_ipv6(ip, 0);
    return a->family != AF_UNSPEC;
}

static bool network_contains(const struct config_network *n, const struct address *a)
{
    if (n->family != a->family)
        return false;
    size_t bytes = n->prefix_bits / 8;
    unsigned bits = n->prefix_bits % 8;
    if (memcmp(n->address, a->ip, bytes) != 0)
        return false;
    return bits == 0 || (n->address[bytes] ^ a->ip[bytes]) >> (8 - bits) == 0;
}

bool address_is_in(const struct address *a, const struct config_network *networks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (network_contains(&networks[i], a))
            return true;
    return false;
}
