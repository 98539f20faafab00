/* Whose processor time is whose: one reading of /proc, added up by role.
 *
 * A process's time includes that of its children who have ended, so a sum over living processes
 * never loses anything, and what lived for less than a second counts too. Kernel threads belong to
 * nobody: they work for whoever keeps them busy. */
#ifndef RUN_PROCESS_TABLE_H
#define RUN_PROCESS_TABLE_H

#include "common/base.h"

#include <sys/types.h>

#define PROCESS_TABLE_ROOTS 128      /* generators, nodes, and what faults start */
#define PROCESS_TABLE_GATEWAY_MAX 80 /* supervisor, keeper, workers */

enum process_role {
    ROLE_FOREIGN,
    ROLE_GATEWAY,
    ROLE_NODE,
    ROLE_GENERATOR,
    ROLE_ATTACKERS,
    ROLE_OURS,
    ROLE_COUNT
};

struct process_table {
    struct {
        pid_t pid;
        enum process_role role;
    } roots[PROCESS_TABLE_ROOTS];
    size_t root_count;

    /* of the last reading */
    uint64_t cpu_ticks[ROLE_COUNT];
    pid_t gateway[PROCESS_TABLE_GATEWAY_MAX];
    size_t gateway_count;
};

/* A process and its children have `role` from now on. */
void process_table_enrol(struct process_table *t, pid_t pid, enum process_role role);
void process_table_read(struct process_table *t);
/* The gateway's worker of this slot; 0 when there is none. */
pid_t process_table_worker(const struct process_table *t, uint32_t slot);

#endif
