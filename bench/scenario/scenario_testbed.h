/* What stands around the users of a scenario (see scenario.h): gateways, nodes, perhaps a Redis. */
#ifndef BENCH_SCENARIO_SCENARIO_TESTBED_H
#define BENCH_SCENARIO_SCENARIO_TESTBED_H

#include "common/base.h"

/* What the gateway is told that the nodes do with an idempotency key. */
enum scenario_submissions {
    SUBMISSIONS_OFF,   /* nothing: dossiers are requests like others */
    SUBMISSIONS_NONE,  /* they store whatever comes */
    SUBMISSIONS_DEDUP, /* they store a key once, in one journal */
};

struct scenario_testbed {
    uint32_t nodes, gateway_workers;
    uint32_t provinces; /* each with an upstream of its own, and users; 0: none is told apart */
    uint32_t province_peers;      /* of each, addresses of the one node */
    const char *node_latency;     /* as cong-bench node takes it */
    const char *node_options;     /* further arguments, separated by spaces; may be empty */
    const char *gateway_timeouts; /* in place of the gateway's own, as its file has them */
    /* More of the gateway's settings, as its file has them: at its top, of every upstream, of every
     * route, and of the routes that need the system that all provinces share. */
    const char *gateway_settings, *gateway_upstream, *gateway_route, *gateway_system_route;
    uint32_t gateways; /* alike, and connected to in turn */
    enum scenario_submissions submissions;
    bool redis;
};

#endif
