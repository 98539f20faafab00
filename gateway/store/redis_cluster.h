/* The nodes of a Redis Cluster and which of 16,384 slots each serves. The map is read from any node
 * (CLUSTER SLOTS) at the start, every 60 s, and soon after a sign that it is out of date: a MOVED,
 * a node that is down. Only masters are kept connected. */
#ifndef STORE_REDIS_CLUSTER_H
#define STORE_REDIS_CLUSTER_H

#include "store/redis_node.h"

#define REDIS_CLUSTER_NODES_MAX 256

struct redis_cluster;

/* `handler` is that of the nodes; its on_topology is to call redis_cluster_take_map(), on_retry
 * redis_node_connect(), and on_up and on_down redis_cluster_changed(). */
struct redis_cluster *redis_cluster_new(struct redis_setup *setup,
                                        const struct redis_node_handler *handler, void *user);
/* NULL-safe; *pointer is NULL after. */
void redis_cluster_free(struct redis_cluster **pointer);

/* The node of a slot, or any that is up for slot -1; NULL when there is none. */
struct redis_node *redis_cluster_node(const struct redis_cluster *c, int32_t slot);
/* The node with this address, which becomes one of the Cluster's if it was none. NULL when there
 * are too many. */
struct redis_node *redis_cluster_node_at(struct redis_cluster *c, const struct address *address);

/* A slot is served elsewhere now. */
void redis_cluster_move_slot(struct redis_cluster *c, uint16_t slot, const struct address *address);
void redis_cluster_take_map(struct redis_cluster *c, struct redis_node *from,
                            const struct redisReply *r);
/* A node came up or went down. */
void redis_cluster_changed(struct redis_cluster *c);
/* The map seems to be out of date. */
void redis_cluster_doubt(struct redis_cluster *c);

/* The map is known, and some of its nodes can be asked. */
bool redis_cluster_is_up(const struct redis_cluster *c);
const char *redis_cluster_problem(const struct redis_cluster *c);

/* Reads the target of a redirection ("MOVED 3999 127.0.0.1:6381"): an empty host is that of the
 * node that said it. False when it is not understood. */
bool redis_cluster_parse_redirection(struct slice text, const struct address *said_by,
                                     uint16_t *slot, struct address *target);

#endif
