/* The gateway under test and what stands around it on this machine: processing nodes, the gateway
 * (or two alike) with a configuration and a certificate of the run's own, on free ports of
 * 127.0.0.1; a Redis or a relay where the scenario wants one. Everything that they write goes to
 * one folder. */
#ifndef RUN_TESTBED_H
#define RUN_TESTBED_H

#include "bench/run/interrupt.h"
#include "bench/run/placement.h"
#include "bench/run/process_table.h"
#include "bench/run/program.h"
#include "bench/scenario/province.h"
#include "bench/scenario/scenario.h"
#include "common/buf.h"

#include <limits.h>
#include <netinet/in.h>

#define TESTBED_NODES_MAX 16
#define TESTBED_GATEWAYS_MAX 2
#define TESTBED_PEERS_MAX 4 /* of a province */
#define TESTBED_HOST "dichvucong.gov.vn"

struct testbed_gateway {
    struct program program;
    struct sockaddr_in address, admin;
    char config_path[PATH_MAX];
    struct buf config; /* as written to config_path */
};

struct testbed {
    const struct scenario *scenario; /* borrowed, like the next four */
    const char *folder;
    const struct placement *placement;
    struct process_table *processes;
    struct interrupt *interrupt;

    char bench_path[PATH_MAX], gateway_path[PATH_MAX]; /* cong-bench and cong */
    char certificate_path[PATH_MAX];
    struct testbed_gateway gateways[TESTBED_GATEWAYS_MAX];
    struct sockaddr_in relay_address, redis_address;
    struct sockaddr_in node_addresses[TESTBED_NODES_MAX];
    struct sockaddr_in peer_addresses[PROVINCES_MAX][TESTBED_PEERS_MAX]; /* of the first node */
    struct program relay, redis, nodes[TESTBED_NODES_MAX], commands[TESTBED_GATEWAYS_MAX];
};

/* Chooses ports and paths; starts nothing. */
int testbed_init(struct testbed *t, struct err *e) MUST_CHECK;
/* Starts all and waits until all answer. What did start is left for testbed_stop(). */
int testbed_start(struct testbed *t, struct err *e) MUST_CHECK;
/* Gracefully, then by force. Good for one that never started. */
void testbed_stop(struct testbed *t);
void testbed_fini(struct testbed *t);

/* Where users connect: the gateways, or the relay before the one. */
void testbed_entrance(const struct testbed *t, char *out, size_t size);
int testbed_start_node(struct testbed *t, uint32_t index, struct err *e) MUST_CHECK;
int testbed_start_redis(struct testbed *t, struct err *e) MUST_CHECK;
int testbed_start_gateway(struct testbed *t, uint32_t index, struct err *e) MUST_CHECK;
/* `cong reload` of all gateways, without waiting for it. */
int testbed_reload(struct testbed *t, struct err *e) MUST_CHECK;
/* Nodes that store a key once share the first one's journal. */
uint32_t testbed_journal_count(const struct testbed *t);
/* Where the journal of node `index` is. */
void testbed_journal_path(const struct testbed *t, uint32_t index, char out[PATH_MAX]);

#endif
