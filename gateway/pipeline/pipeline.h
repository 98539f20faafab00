/* The handler of client requests: walks each through the stages, whose order is written in
 * pipeline.c and nowhere else, and accounts for it when it is over. One per worker. */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include "http/exchange.h"
#include "observe/access_log.h"
#include "pipeline/identity_token.h"
#include "pipeline/session_id.h"
#include "pipeline/snapshot.h"
#include "pipeline/spool.h"

struct stage;

struct pipeline {
    const struct stage *const *stages; /* borrowed: the order of things */
    size_t stage_count;
    struct loop *loop;             /* borrowed */
    struct metrics *metrics;       /* borrowed */
    struct store *store;           /* borrowed */
    struct access_log *access_log; /* borrowed; NULL: none */
    struct peer_set peers;
    struct spool_room spools;
    struct session_keys session_keys;
    struct list held; /* struct submission: that goes on although its client may have left */
    struct identity_tokens tokens;
    struct snapshot *current; /* counted; NULL until the first configuration */
};

/* For http_server.handler, with a struct pipeline as its context. */
extern const struct exchange_handler pipeline_handler;

void pipeline_init(struct pipeline *p, struct loop *loop, struct board *board, uint32_t slot,
                   struct store *store);
/* Takes over `config`: requests that begin from now on follow it. */
void pipeline_apply(struct pipeline *p, struct config *config);
/* Lets go of the configuration; idle connections to peers are closed. */
void pipeline_fini(struct pipeline *p);

#endif
