/* What the kernel keeps for TCP connections: bytes that clients have not taken, and that backends
 * have sent ahead. It is no process's resident memory. Where it runs out (net.ipv4.tcp_mem), on the
 * whole machine and whatever a container is given, connections of everybody stall.
 *
 * Read from /proc and from the control group (version 2) that this process is in; whoever reads
 * needs no privileges. */
#ifndef PROCESS_SOCKET_MEMORY_H
#define PROCESS_SOCKET_MEMORY_H

#include "common/base.h"

struct socket_memory {
    int sockstat, group; /* owned: files, or -1 */
    uint64_t page_bytes;
    uint64_t limit_bytes; /* of the machine; 0: unknown */
};

/* `root` is put before /proc and /sys (tests; otherwise ""). */
void socket_memory_open(struct socket_memory *m, const char *root);
void socket_memory_close(struct socket_memory *m);

/* Of the whole machine. */
uint64_t socket_memory_machine(const struct socket_memory *m);
/* Of the control group, where the kernel counts by them; else the machine's. */
uint64_t socket_memory_own(const struct socket_memory *m);

#endif
