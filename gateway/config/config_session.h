/* The part of the configuration that says how long citizens stay signed in (see config.h). */
#ifndef CONFIG_CONFIG_SESSION_H
#define CONFIG_CONFIG_SESSION_H

#include "common/slice.h"

struct config_sessions {
    const char *cookie;   /* name */
    uint32_t idle_ms;     /* a session that is not used for so long ends */
    uint32_t absolute_ms; /* and after so long however busy it is */
    uint32_t cache_ms;    /* how long a node trusts its copy, and goes on without Redis */
};

/* What a route asks of the client. */
enum config_session_need {
    CONFIG_SESSION_OFF,
    CONFIG_SESSION_OPTIONAL,
    CONFIG_SESSION_REQUIRED,
    CONFIG_SESSION_FRESH, /* required, and looked up within the last seconds */
};

enum config_affinity {
    CONFIG_AFFINITY_NONE,
    CONFIG_AFFINITY_SESSION, /* all requests of a session go to one peer */
};

#endif
