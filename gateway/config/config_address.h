/* Addresses as the configuration writes them: numeric only, nothing is looked up.
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
/* Bits beyond the prefix must be zero: they are a slip of whoever wrote them. */
int config_network_parse(struct slice text, struct config_network *network,
                         struct err *e) MUST_CHECK;

bool config_address_equal(const struct config_address *a, const struct config_address *b);

#endif
