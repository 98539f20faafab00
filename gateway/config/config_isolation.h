/* The part of the configuration that says what one slow upstream may cost the others (see
 * config.h). */
#ifndef CONFIG_CONFIG_ISOLATION_H
#define CONFIG_CONFIG_ISOLATION_H

#include "common/slice.h"

#define CONFIG_SYSTEMS_MAX 32
#define CONFIG_ROUTE_SYSTEMS_MAX 4
#define CONFIG_PRIORITIES 8
/* A fifth of the 8,192 slots that a node is reckoned to have. */
#define CONFIG_IN_FLIGHT_MAX 1638

/* What citizens call it: "Hà Nội"; empty: it is not named to them. */
struct config_title {
    struct slice vi;
    struct slice en; /* empty: as in Vietnamese */
};

struct config_isolation {
    uint32_t max_inflight; /* of each class of requests */
    uint32_t slow_ms;      /* what is sooner is never slow */
    bool breaker;
};

/* A national system that several upstreams ask in their turn. */
struct config_system {
    const char *name;
    uint32_t max_inflight;
    struct config_title title;
};

#endif
