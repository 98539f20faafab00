/* A process that the run starts and has to end: a node, the gateway, a generator, the relay.
 *
 * Each one gets a process group of its own, so that the terminal's Ctrl-C reaches only the
 * coordinator, and is signalled by the kernel should the coordinator die, however it dies. It stays
 * in the coordinator's session, for sessions share the processor among each other before processes
 * do. */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H

#include "common/err.h"

#include <sched.h>
#include <sys/types.h>

struct program {
    char name[24];
    pid_t pid;       /* 0: not running */
    int wait_status; /* of the last time it ended */
};

struct program_launch {
    /* One of the two: what to execute, argv[0] being the path; or what to call in the forked
     * process, whose exit code it returns. */
    char *const *argv;
    int (*call)(void *argument);
    void *argument;
    const char *log_path;   /* for both output streams, appended to */
    const cpu_set_t *cores; /* NULL: as the coordinator */
    int death_signal;       /* when the coordinator dies */
};

int program_start(struct program *p, const char *name, const struct program_launch *how,
                  struct err *e) MUST_CHECK;
/* Nothing happens to a program that does not run. */
void program_signal(const struct program *p, int number);
/* Asks without waiting; true while it runs. */
bool program_runs(struct program *p);
/* Sends `number`, waits, and kills what is still there after `patience_ms`. */
void program_stop(struct program *p, int number, uint32_t patience_ms);
/* "gateway was killed by SIGKILL", "node-1 exited with status 1" */
void program_describe_end(const struct program *p, char *out, size_t size);

#endif
