#include "net/proxy_protocol.h"

#include <arpa/inet.h>
#include <stdio.h>

#define HEAD_BYTES 16
#define INET_BYTES 12  /* two addresses of 4, two ports of 2 */
#define INET6_BYTES 36 /* two addresses of 16, two ports of 2 */
#define UNIX_BYTES 216 /* two paths of 108 */

static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";
static const uint8_t line_start[6] = { 'P', 'R', 'O', 'X', 'Y', ' ' };

void proxy_protocol_init(struct proxy_protocol *p)
{
    *p = (struct proxy_protocol){ 0 };
}

/* Version 1 */

static struct slice next_field(struct slice *rest)
{
    size_t space = slice_find(*rest, ' ');
    struct slice field = slice_of(rest->data, space);
    *rest = slice_from(*rest, MIN(space + 1, rest->len));
    return field;
}

/* "Heading zeroes are not permitted", so that nobody takes a number for octal. */
static bool parse_port(struct slice text, uint16_t *port)
{
    uint64_t value;
    if (text.len > 1 && text.data[0] == '0')
        return false;
    if (!slice_to_u64(text, &value) || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* "The advertised protocol family dictates what format to use." */
static bool parse_ip(struct slice text, bool is_ipv6, struct address *a)
{
    bool has_colon = slice_find(text, ':') < text.len;
    return has_colon == is_ipv6 && address_parse(a, text);
}

static bool parse_endpoints(struct slice fields, bool is_ipv6, struct address *source)
{
    struct address destination;
    struct slice source_ip = next_field(&fields);
    struct slice destination_ip = next_field(&fields);
    struct slice source_port = next_field(&fields);
    /* What is left must be one number, so a further field or a space at the end fails there. */
    return parse_ip(source_ip, is_ipv6, source) &&
           parse_ip(destination_ip, is_ipv6, &destination) &&
           parse_port(source_port, &source->port) && parse_port(fields, &destination.port);
}

static enum proxy_protocol_result parse_line(struct proxy_protocol *p)
{
    struct slice line = slice_of((const char *)p->head, (size_t)p->filled - 2);
    struct slice fields = slice_from(line, sizeof(line_start));
    struct slice protocol = next_field(&fields);
    struct address source = { 0 };
    if (slice_eq(protocol, SLICE("UNKNOWN")))
        return PROXY_PROTOCOL_DONE;
    bool is_ipv6 = slice_eq(protocol, SLICE("TCP6"));
    if (!is_ipv6 && !slice_eq(protocol, SLICE("TCP4")))
        return PROXY_PROTOCOL_INVALID;
    if (!parse_endpoints(fields, is_ipv6, &source))
        return PROXY_PROTOCOL_INVALID;
    p->source = source;
    return PROXY_PROTOCOL_DONE;
}

static enum proxy_protocol_result step_line(struct proxy_protocol *p, uint8_t byte)
{
    bool after_cr = p->head[p->filled - 1] == '\r';
    if (p->filled < sizeof(line_start) && byte != line_start[p->filled])
        return PROXY_PROTOCOL_INVALID;
    if (after_cr != (byte == '\n'))
        return PROXY_PROTOCOL_INVALID;
    p->head[p->filled++] = byte;
    if (byte == '\n')
        return parse_line(p);
    return p->filled < PROXY_PROTOCOL_LINE_MAX ? PROXY_PROTOCOL_NEED_MORE : PROXY_PROTOCOL_INVALID;
}

/* Version 2 */

/* What the 14th byte announces. Combinations that the specification does not list are refused;
 * those that cannot be a TCP client's address are treated as UNSPEC, as it tells receivers to. */
static bool address_block_bytes(uint8_t family_and_protocol, uint16_t *bytes)
{
    switch (family_and_protocol) {
    case 0x00:
        *bytes = 0;
        return true;
    case 0x11:
    case 0x12:
        *bytes = INET_BYTES;
        return true;
    case 0x21:
    case 0x22:
        *bytes = INET6_BYTES;
        return true;
    case 0x31:
    case 0x32:
        *bytes = UNIX_BYTES;
        return true;
    default:
        return false;
    }
}

static enum proxy_protocol_result parse_head(struct proxy_protocol *p)
{
    uint8_t version_and_command = p->head[12], family_and_protocol = p->head[13];
    bool is_local = version_and_command == 0x20;
    if (!is_local && version_and_command != 0x21)
        return PROXY_PROTOCOL_INVALID;
    p->left = (uint16_t)(p->head[14] << 8 | p->head[15]);
    if (p->left > PROXY_PROTOCOL_BYTES_MAX - HEAD_BYTES)
        return PROXY_PROTOCOL_INVALID;
    p->phase = PROXY_PROTOCOL_IGNORE;
    if (!is_local) {
        if (!address_block_bytes(family_and_protocol, &p->address_left))
            return PROXY_PROTOCOL_INVALID;
        if (p->address_left > p->left)
            return PROXY_PROTOCOL_INVALID;
        if (p->address_left > 0)
            p->phase = PROXY_PROTOCOL_ADDRESS;
    }
    return p->left == 0 ? PROXY_PROTOCOL_DONE : PROXY_PROTOCOL_NEED_MORE;
}

static enum proxy_protocol_result step_head(struct proxy_protocol *p, uint8_t byte)
{
    if (p->filled < sizeof(signature) && byte != signature[p->filled])
        return PROXY_PROTOCOL_INVALID;
    p->head[p->filled++] = byte;
    return p->filled < HEAD_BYTES ? PROXY_PROTOCOL_NEED_MORE : parse_head(p);
}

static void take_source(struct proxy_protocol *p)
{
    const uint8_t *block = p->head + HEAD_BYTES;
    if (p->head[13] == 0x11)
        p->source = address_ipv4(block, (uint16_t)(block[8] << 8 | block[9]));
    if (p->head[13] == 0x21)
        p->source = address_ipv6(block, (uint16_t)(block[32] << 8 | block[33]));
}

static void step_address(struct proxy_protocol *p, uint8_t byte)
{
    if (p->filled < HEAD_BYTES + INET6_BYTES) /* a UNIX path is not kept */
        p->head[p->filled++] = byte;
    p->address_left--;
    if (p->address_left > 0)
        return;
    take_source(p);
    p->phase = PROXY_PROTOCOL_TLV;
}

static bool step_tlv(struct proxy_protocol *p, uint8_t byte)
{
    if (p->tlv_left > 0) {
        p->tlv_left--;
        return true;
    }
    p->tlv[p->tlv_filled++] = byte;
    if (p->tlv_filled < sizeof(p->tlv))
        return p->left > 0;
    p->tlv_filled = 0;
    p->tlv_left = (uint16_t)(p->tlv[1] << 8 | p->tlv[2]);
    return p->tlv_left <= p->left;
}

static enum proxy_protocol_result step_body(struct proxy_protocol *p, uint8_t byte)
{
    p->left--;
    if (p->phase == PROXY_PROTOCOL_ADDRESS)
        step_address(p, byte);
    else if (p->phase == PROXY_PROTOCOL_TLV && !step_tlv(p, byte))
        return PROXY_PROTOCOL_INVALID;
    return p->left == 0 ? PROXY_PROTOCOL_DONE : PROXY_PROTOCOL_NEED_MORE;
}

static enum proxy_protocol_result step(struct proxy_protocol *p, uint8_t byte)
{
    switch (p->phase) {
    case PROXY_PROTOCOL_FIRST:
        if (byte != line_start[0] && byte != signature[0])
            return PROXY_PROTOCOL_INVALID;
        p->phase = byte == line_start[0] ? PROXY_PROTOCOL_LINE : PROXY_PROTOCOL_HEAD;
        p->head[p->filled++] = byte;
        return PROXY_PROTOCOL_NEED_MORE;
    case PROXY_PROTOCOL_LINE:
        return step_line(p, byte);
    case PROXY_PROTOCOL_HEAD:
        return step_head(p, byte);
    default:
        return step_body(p, byte);
    }
}

enum proxy_protocol_result proxy_protocol_feed(struct proxy_protocol *p, struct slice input,
                                               size_t *consumed)
{
    enum proxy_protocol_result result = PROXY_PROTOCOL_NEED_MORE;
    size_t at = 0;
    while (at < input.len && result == PROXY_PROTOCOL_NEED_MORE)
        result = step(p, (uint8_t)input.data[at++]);
    *consumed = at;
    return result;
}

/* Writing */

/* A header has one family; this form of an IPv4 address is read as that again. */
static void map_to_ipv6(struct address *a)
{
    uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };
    if (a->family == AF_INET6)
        return;
    memcpy(mapped + 12, a->ip, 4);
    memcpy(a->ip, mapped, sizeof(mapped));
    a->family = AF_INET6;
}

static size_t write_line(char *out, const struct address *source, const struct address *destination)
{
    char from[ADDRESS_TEXT_BYTES], to[ADDRESS_TEXT_BYTES], line[PROXY_PROTOCOL_LINE_MAX + 1];
    inet_ntop(source->family, source->ip, from, sizeof(from));
    inet_ntop(destination->family, destination->ip, to, sizeof(to));
    int len =
        snprintf(line, sizeof(line), "PROXY TCP%c %s %s %u %u\r\n",
                 source->family == AF_INET6 ? '6' : '4', from, to, source->port, destination->port);
    memcpy(out, line, (size_t)len);
    return (size_t)len;
}

static size_t write_block(char *out, const struct address *source,
                          const struct address *destination)
{
    bool v6 = source->family == AF_INET6;
    size_t ip = v6 ? 16 : 4, len = v6 ? INET6_BYTES : INET_BYTES;
    uint8_t *at = (uint8_t *)out;
    memcpy(at, signature, sizeof(signature));
    at += sizeof(signature);
    const uint8_t head[] = { 0x21, v6 ? 0x21 : 0x11, 0, (uint8_t)len };
    memcpy(at, head, sizeof(head));
    at += sizeof(head);
    memcpy(at, source->ip, ip);
    memcpy(at + ip, destination->ip, ip);
    const uint8_t ports[] = { (uint8_t)(source->port >> 8), (uint8_t)source->port,
                              (uint8_t)(destination->port >> 8), (uint8_t)destination->port };
    memcpy(at + 2 * ip, ports, sizeof(ports));
    return HEAD_BYTES + len;
}

static size_t write_unknown(char *out, int version)
{
    const struct slice line = SLICE("PROXY UNKNOWN\r\n");
    const uint8_t local[] = { 0x20, 0, 0, 0 };
    if (version == 1) {
        memcpy(out, line.data, line.len);
        return line.len;
    }
    memcpy(out, signature, sizeof(signature));
    memcpy(out + sizeof(signature), local, sizeof(local));
    return HEAD_BYTES;
}

size_t proxy_protocol_write(char *out, int version, const struct address *source,
                            const struct address *destination)
{
    struct address from = *source, to = *destination;
    if (from.family == AF_UNSPEC)
        return write_unknown(out, version);
    if (to.family == AF_UNSPEC)
        to.family = from.family;
    if (from.family == AF_INET6 || to.family == AF_INET6) {
        map_to_ipv6(&from);
        map_to_ipv6(&to);
    }
    return version == 1 ? write_line(out, &from, &to) : write_block(out, &from, &to);
}
