/* How the keeper asks the peers of an upstream whether they are well (see config.h). */
#ifndef CONFIG_CONFIG_HEALTH_H
#define CONFIG_CONFIG_HEALTH_H

#include "common/slice.h"

#include <stdint.h>

enum config_health_kind { CONFIG_HEALTH_HTTP, CONFIG_HEALTH_TCP };

struct config_health {
    enum config_health_kind kind;
    struct slice path, host; /* of the request; host data NULL: the peer's address */
    struct slice body;       /* what the answer's content must hold; data NULL: anything */
    uint32_t status;         /* what the answer's must be; 0: any 2xx */
    uint32_t interval_ms;
    uint32_t timeout_ms; /* of one probe, connecting included */
    uint32_t rise, fall; /* probes in a row that make a peer up, or down */
};

#endif
