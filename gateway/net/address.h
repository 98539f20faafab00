/* An IP address and port, compact enough to live in every connection.
 *
 * IPv4-mapped IPv6 addresses (RFC 4291 2.5.5.2) are folded to IPv4 wherever an address is made, so
 * that a client has one form however the socket or a proxy spelled it. Scope ids are not kept. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "common/base.h"
#include "common/slice.h"
#include "config/config.h"

#include <sys/socket.h>

struct address {
    uint8_t ip[16]; /* network order; AF_INET uses the first 4 */
    uint16_t port;  /* host order; 0 when not known */
    uint8_t family; /* AF_INET, AF_INET6, or AF_UNSPEC: none (zero-initialised) */
};

_Static_assert(sizeof(struct address) <= 20, "struct address lives in every connection");

#define ADDRESS_TEXT_BYTES 46 /* room for any address and a terminator */

struct address address_ipv4(const uint8_t ip[4], uint16_t port);
struct address address_ipv6(const uint8_t ip[16], uint16_t port);

/* False when it is neither IPv4 nor IPv6; *a is AF_UNSPEC then. */
bool address_from_sockaddr(struct address *a, const struct sockaddr *from);
/* Returns the length to pass along with *out; 0 for AF_UNSPEC. */
socklen_t address_to_sockaddr(const struct address *a, struct sockaddr_storage *out);

/* Writes the address without its port, terminated, and returns its length. IPv6 as RFC 5952 says,
 * without brackets; AF_UNSPEC is "unknown" (RFC 7239 6.2). */
size_t address_format(const struct address *a, char out[ADDRESS_TEXT_BYTES]);

/* Numeric text, exactly one address: no port, brackets, zone or spaces, no octal. port is 0. */
bool address_parse(struct address *a, struct slice text);

bool address_is_in(const struct address *a, const struct config_network *networks, size_t count);

#endif
