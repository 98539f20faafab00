/* The part of the configuration that says how often clients may ask (see config.h). */
#ifndef CONFIG_CONFIG_LIMIT_H
#define CONFIG_CONFIG_LIMIT_H

#include "common/slice.h"

#define CONFIG_RATE_LIMITS_MAX 64
#define CONFIG_ROUTE_LIMITS_MAX 8

enum config_limit_key {
    CONFIG_LIMIT_SESSION, /* by its checked signature; the address for who has none */
    CONFIG_LIMIT_ADDRESS, /* IPv6 by /64 */
    CONFIG_LIMIT_ROUTE,   /* all clients of the route together */
    CONFIG_LIMIT_HEADER,  /* value of a header; the address where it is missing */
};

enum config_limit_mode { CONFIG_LIMIT_LEASE, CONFIG_LIMIT_LOCAL, CONFIG_LIMIT_STRICT };

struct config_rate_limit {
    const char *name;
    enum config_limit_key key;
    struct slice header; /* of CONFIG_LIMIT_HEADER */
    uint32_t limit;      /* requests in a period */
    uint32_t period_ms;
    uint32_t burst; /* at once */
    enum config_limit_mode mode;
    struct slice policy; /* value of RateLimit-Policy */
};

#endif
