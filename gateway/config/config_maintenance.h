/* An upstream that is closed for work by the configuration (see config.h). */
#ifndef CONFIG_CONFIG_MAINTENANCE_H
#define CONFIG_CONFIG_MAINTENANCE_H

#include "common/slice.h"

#include <stdint.h>

#define CONFIG_MAINTENANCE_MESSAGE_BYTES 512

struct config_maintenance {
    struct slice until;   /* as written; data NULL: not known */
    uint64_t until_ms;    /* wall clock, when it is expected to be over; 0: not known */
    struct slice message; /* for citizens; data NULL: none */
};

#endif
