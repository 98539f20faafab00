/* The process that starts the others and stays: it reads the configuration and all files, binds the
 * sockets, makes the shared memory, keeps keeper and workers alive, and takes signals and control
 * commands. It parses nothing that comes from the network.
 *
 *   RUNNING ──stop──► NOTICE ──drain_notice──► DRAINING ──no worker left──► FAREWELL ──► the end
 *                     /ready is red            workers finish               the keeper goes
 *
 * A second stop, or SIGQUIT, goes straight to FAREWELL and kills everybody. One thread, one poll(2)
 * loop, no libuv. */
#ifndef PROCESS_SUPERVISOR_H
#define PROCESS_SUPERVISOR_H

#include "process/capacity.h"
#include "process/control.h"
#include "process/crew.h"
#include "process/maintenance.h"
#include "process/runtime_dir.h"
#include "store/store_region.h"

enum supervisor_phase {
    SUPERVISOR_RUNNING,
    SUPERVISOR_NOTICE,
    SUPERVISOR_DRAINING,
    SUPERVISOR_FAREWELL,
};

#define SUPERVISOR_STOPPED UINT64_MAX /* the event that who stopped us waits for */

struct supervisor {
    const char *config_path; /* borrowed */
    enum supervisor_phase phase;
    uint64_t started_ms;
    uint64_t notice_due_ms; /* NOTICE: its end */
    int signal_fd;          /* owned */

    struct runtime_dir runtime_dir;
    struct generation generation;
    struct log_files logs;
    struct board *board;        /* owned */
    struct store_region *store; /* owned */
    struct control *control;    /* owned */
    struct maintenance maintenance;
    struct crew crew;
    struct capacity capacity;

    struct {
        uint64_t number;  /* of the last reload that was begun; who waits for it waits for this */
        bool wanted;      /* another one shall follow */
        bool rolling_out; /* children are applying the generation */
        uint64_t due_ms;  /* ROLLING_OUT: reported as failed */
        uint64_t refresh_due_ms; /* OCSP answers are read again */
        uint64_t names_due_ms; /* workers get the generation then at the latest; 0: they have it */
    } reload;
};

/* Runs the gateway until it is stopped; returns the exit code. */
int supervisor_run(const char *config_path);

/* Begins to stop; again: stops at once. */
void supervisor_stop(struct supervisor *s, uint64_t now_ms);

#endif
