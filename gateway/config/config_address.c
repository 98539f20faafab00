#include "config/config_address.h"

#include "config/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

/* inet_pton() wants a terminated string; nothing longer than INET6_ADDRSTRLEN is an address. */
static bool parse_ip(int family, struct slice text, void *out)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, out) == 1;
}

static bool parse_port(struct slice text, in_port_t *port)
{
    uint64_t value;
    if (text.len == 0 || text.data[0] == '0' || !slice_to_u64(text, &value) || value > 65535)
        return false;
    *port = htons((uint16_t)value);
    return true;
}

static size_t find_last(struct slice s, char c)
{
    size_t at = s.len;
    while (at > 0 && s.data[at - 1] != c)
        at--;
    return at ? at - 1 : s.len;
}

static bool is_v6_without_brackets(struct slice text)
{
    struct in6_addr ignored;
    return parse_ip(AF_INET6, text, &ignored) ||
           parse_ip(AF_INET6, slice_of(text.data, find_last(text, ':')), &ignored);
}

/* Why `text`, which has no readable address, is wrong. */
static int explain(struct slice text, struct err *e)
{
    struct text_quote q = text_quote(text);
    struct in_addr v4;
    uint64_t port;
    if (slice_to_u64(text, &port))
        return err_set(e, ERR_INVALID, "%s has no address; write 0.0.0.0:%.*s or [::]:%.*s", q.text,
                       (int)MIN(text.len, 20), text.data, (int)MIN(text.len, 20), text.data);
    if (parse_ip(AF_INET, text, &v4))
        return err_set(e, ERR_INVALID, "%s has no port; write %.*s:8443", q.text, SLICE_ARG(text));
    if (is_v6_without_brackets(text))
        return err_set(e, ERR_INVALID, "%s is IPv6 without brackets; write [2001:db8::1]:8443",
                       q.text);
    return err_set(e, ERR_INVALID,
                   "%s is not a numeric address and port; host names are not looked up, write "
                   "192.0.2.10:8443 or [2001:db8::1]:8443",
                   q.text);
}

static int parse_v6(struct slice ip, struct slice port, struct slice text,
                    struct config_address *address, struct err *e)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    if (!parse_ip(AF_INET6, ip, &v6.sin6_addr))
        return explain(text, e);
    if (!parse_port(port, &v6.sin6_port))
        return err_set(e, ERR_INVALID, "%s has no port from 1 to 65535 after the address",
                       text_quote(text).text);
    memcpy(&address->sockaddr, &v6, sizeof(v6));
    address->len = sizeof(v6);
    return 0;
}

static int parse_v4(struct slice ip, struct slice port, struct slice text,
                    struct config_address *address, struct err *e)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    if (!parse_ip(AF_INET, ip, &v4.sin_addr))
        return explain(text, e);
    if (!parse_port(port, &v4.sin_port))
        return err_set(e, ERR_INVALID, "%s has no port from 1 to 65535 after the address",
                       text_quote(text).text);
    memcpy(&address->sockaddr, &v4, sizeof(v4));
    address->len = sizeof(v4);
    return 0;
}

int config_address_parse(struct slice text, struct config_address *address, struct err *e)
{
    memset(&address->sockaddr, 0, sizeof(address->sockaddr));
    if (text.len > 0 && text.data[0] == '[') {
        size_t close = slice_find(text, ']');
        struct slice ip = slice_of(text.data + 1, close - 1);
        struct slice port = { text.data + text.len, 0 };
        if (close + 1 < text.len && text.data[close + 1] == ':')
            port = slice_from(text, close + 2);
        return parse_v6(ip, port, text, address, e);
    }
    size_t colon = find_last(text, ':');
    if (colon == text.len)
        return explain(text, e);
    return parse_v4(slice_of(text.data, colon), slice_from(text, colon + 1), text, address, e);
}

/* RFC 1123 2.1, and underscores, which names of services in clusters may have. */
static bool is_label(struct slice label)
{
    if (label.len == 0 || label.len > 63 || label.data[0] == '-' ||
        label.data[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = ascii_lower(label.data[i]);
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool has_letter(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (ascii_lower(text.data[i]) >= 'a' && ascii_lower(text.data[i]) <= 'z')
            return true;
    return false;
}

/* What has no letter in its last label was meant to be an address. */
static bool is_host(struct slice host)
{
    struct slice rest = host;
    if (host.len == 0 || host.len > 253)
        return false;
    for (;;) {
        struct slice label = slice_of(rest.data, slice_find(rest, '.'));
        if (!is_label(label))
            return false;
        if (label.len == rest.len)
            return has_letter(label);
        rest = slice_from(rest, label.len + 1);
    }
}

int config_address_parse_peer(struct slice text, struct config_address *address, struct slice *host,
                              struct err *e)
{
    in_port_t port;
    size_t colon = find_last(text, ':');
    *host = slice_of(text.data, colon);
    if (!is_host(*host)) {
        host->len = 0;
        return config_address_parse(text, address, e);
    }
    if (colon == text.len || !parse_port(slice_from(text, colon + 1), &port))
        return err_set(e, ERR_INVALID, "%s has no port from 1 to 65535 after the name",
                       text_quote(text).text);
    *address = (struct config_address){ .port = ntohs(port) };
    return 0;
}

static bool bits_are_zero_after(const uint8_t *address, uint32_t prefix_bits, uint32_t total_bits)
{
    for (uint32_t bit = prefix_bits; bit < total_bits; bit++)
        if (address[bit / 8] & (0x80 >> (bit % 8)))
            return false;
    return true;
}

int config_network_parse(struct slice text, struct config_network *network, struct err *e)
{
    size_t slash = slice_find(text, '/');
    struct slice ip = slice_of(text.data, slash);
    memset(network, 0, sizeof(*network));
    network->family = parse_ip(AF_INET, ip, network->address) ? AF_INET : AF_INET6;
    if (network->family == AF_INET6 && !parse_ip(AF_INET6, ip, network->address))
        return err_set(e, ERR_INVALID,
                       "%s is not a network; write 10.0.0.0/8, 2001:db8::/32 or one address",
                       text_quote(text).text);
    uint64_t total_bits = network->family == AF_INET ? 32 : 128;
    uint64_t bits = total_bits;
    if (slash < text.len &&
        (!slice_to_u64(slice_from(text, slash + 1), &bits) || bits > total_bits))
        return err_set(e, ERR_INVALID, "%s needs a prefix length from 0 to %u after the slash",
                       text_quote(text).text, (unsigned)total_bits);
    network->prefix_bits = (uint8_t)bits;
    if (!bits_are_zero_after(network->address, (uint32_t)bits, (uint32_t)total_bits))
        return err_set(e, ERR_INVALID, "%s has bits outside its /%u prefix", text_quote(text).text,
                       (unsigned)bits);
    return 0;
}

bool config_address_equal(const struct config_address *a, const struct config_address *b)
{
    if (a->host || b->host)
        return a->host && b->host && a->port == b->port && strcasecmp(a->host, b->host) == 0;
    return a->len == b->len && memcmp(&a->sockaddr, &b->sockaddr, a->len) == 0;
}
