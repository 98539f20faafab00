/* Which sockets of one SO_REUSEPORT group are given new connections.
 *
 * All workers listen on the same address with a socket each, and the kernel spreads connections
 * over them by hash. A worker that is dead, full or leaving must get no new ones, yet what waits in
 * its socket's queue must not be lost, so the socket cannot simply be closed or shut down. Instead
 * a classic BPF program on the group picks a random socket, by weights; while all have the same
 * weight there is none, and the kernel's own choice stands.
 *
 * The program answers with an index into the kernel's array of the group. The array is mirrored
 * here by the kernel's rules (net/core/sock_reuseport.c): listen() appends, and a socket that is
 * closed leaves its place to the last one. Owns no descriptor. */
#ifndef PROCESS_REUSEPORT_H
#define PROCESS_REUSEPORT_H

#include "common/err.h"
#include "config/config.h"

#define REUSEPORT_WEIGHT_MAX (UINT32_MAX / CONFIG_WORKERS_MAX)

struct reuseport {
    struct {
        int fd; /* borrowed */
        uint32_t slot;
    } sockets[CONFIG_WORKERS_MAX]; /* in the kernel's order */
    uint32_t count;
    bool steered; /* a program is attached */
};

/* Right after listen(). */
void reuseport_add(struct reuseport *group, int fd, uint32_t slot);
/* Right before the last copy of the slot's socket is closed. */
void reuseport_remove(struct reuseport *group, uint32_t slot);

/* Gives each slot new connections in proportion to its weight, at most REUSEPORT_WEIGHT_MAX. With
 * weights that are all the same, 0 too, every socket of the group gets its share. */
int reuseport_steer(struct reuseport *group, const uint32_t weights[CONFIG_WORKERS_MAX],
                    struct err *e) MUST_CHECK;

#endif
