/* One configuration at work in one worker: counted, and immutable but for what routes and upstreams
 * remember of their traffic. Every exchange keeps the snapshot
 * that it began with; a reload makes another and lets go of the old one, which is freed when the
 * last exchange that uses it is over. Peers, their connections and their counts are shared between
 * them. */
#ifndef PIPELINE_SNAPSHOT_H
#define PIPELINE_SNAPSHOT_H

#include "config/config.h"
#include "pipeline/router.h"
#include "upstream/pace.h"
#include "upstream/upstream.h"

/* What a worker knows of a route while it serves it. */
struct route_flow {
    struct series series;
    struct pace paces[GATE_CLASSES];
    struct gate *gates[GATE_CLASSES][GATES_OF_ROUTE_MAX]; /* borrowed from the snapshot */
    uint8_t gate_count;
};

struct snapshot {
    uint32_t references;
    uint16_t https_port;        /* where redirects to https lead */
    struct config *config;      /* owned */
    struct router *router;      /* owned */
    struct upstream *upstreams; /* owned; as many as config has */
    struct gate *systems;       /* owned; as many as config has */
    struct route_flow *routes;  /* owned; as many as config has */
};

/* Takes over `config`. */
struct snapshot *snapshot_new(struct config *config, struct peer_set *peers);
struct snapshot *snapshot_ref(struct snapshot *s);
/* NULL-safe; *pointer is NULL after. */
void snapshot_unref(struct snapshot **pointer);

#endif
