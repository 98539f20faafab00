/* How many workers this machine needs and bears, and whether the configured number of users fits.
 *
 * A user is a client connection. Of a worker's descriptors 24%, and at least 512 or half of them,
 * are kept for connections to backends, logs and the like: of 20,000 a worker gives 15,200 to
 * clients. The memory estimate is that of idle TLS users, who have HTTP/2 where a listener offers
 * it, asleep where that is set, and the record layer that is set. Estimates only warn; the hard
 * limits act by themselves. */
#ifndef PROCESS_CAPACITY_H
#define PROCESS_CAPACITY_H

#include "common/buf.h"
#include "config/config.h"

struct capacity {
    uint32_t cores;
    uint64_t descriptors;  /* hard limit of one process */
    uint64_t memory_bytes; /* available to us; 0 when that is unknown */
};

/* Measures the machine, and raises this process's soft limit of descriptors to the hard one. `root`
 * is put before /proc and /sys (tests; otherwise ""). */
void capacity_measure(struct capacity *c, const char *root);

uint64_t capacity_users_per_worker(const struct capacity *c);
/* What `configured` says, or for 0 (auto) one per core, or more if `users` need more. */
uint32_t capacity_workers(const struct capacity *c, uint32_t configured, uint64_t users);

/* What the configured users take when all are connected, by the estimate. */
uint64_t capacity_memory_needed(uint32_t workers, const struct config *config);

/* Appends a line for everything that does not fit, each saying what to change. */
void capacity_advise(const struct capacity *c, uint32_t workers, const struct config *config,
                     struct buf *out);

#endif
