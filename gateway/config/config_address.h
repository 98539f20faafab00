/* Addresses as the configuration writes them; nothing is looked up here.
 *
 * "192.0.2.10:8443", "[2001:db8::1]:8443", and networks "10.0.0.0/8", "2001:db8::/32" or a single
 * address. Formatting and matching belong to net/address. */
#ifndef CONFIG_CONFIG_ADDRESS_H
#define CONFIG_CONFIG_ADDRESS_H

#include "common/err.h"
#include "config/config.h"

/* Fills sockaddr and len, not text. 0, or ERR_INVALID with a sentence that says what to write. */
int config_address_parse(struct slice text, struct config_address *address,
                         struct err *e) MUST_CHECK;
/* The same for a peer, which may be a name and a port ("nut-1.ha-noi.vn:8080"): then `host` is a
 * part of `text`, port is filled in, and len is 0. */
int config_address_parse_peer(struct slice text, struct config_address *address, struct slice *host,
                              struct err *e) MUST_CHECK;
/* Bits beyond the prefix must be zero: they are a slip of whoever wrote them. */
int config_network_parse(struct slice text, struct config_network *network,
                         struct err *e) MUST_CHECK;

bool config_address_equal(const struct config_address *a, const struct config_address *b);

#endif
