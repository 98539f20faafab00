/* All children of the supervisor, the listening sockets that they share, and what they are handed.
 *
 * The crew keeps the wanted number of workers and one keeper alive, hands the current generation to
 * whoever starts, and shares new connections out among the workers that can take them. It borrows
 * the board, the generation and the logs from the supervisor. */
#ifndef PROCESS_CREW_H
#define PROCESS_CREW_H

#include "common/buf.h"
#include "observe/board.h"
#include "process/child.h"
#include "process/generation.h"
#include "process/listen_sockets.h"
#include "process/log_files.h"

struct crew {
    struct child children[CHILD_SLOTS];
    struct listen_sockets sockets; /* owned */
    struct child_launch launch;
    struct board *board;                  /* borrowed */
    const struct generation *generation;  /* borrowed; what children are given */
    const struct log_files *logs;         /* borrowed */
    uint32_t worker_count;                /* wanted */
    uint32_t weights[CONFIG_WORKERS_MAX]; /* of the slots, when connections are shared out */
    uint64_t accepted;                    /* connections, when last balanced */
    uint64_t balance_due_ms;
    uint32_t unclean; /* children that left with requests cut off, or had to be killed */
    bool leaving;     /* no worker is started any more */
};

/* `launch` is what children are started with. */
void crew_init(struct crew *crew, struct board *board, const struct generation *generation,
               const struct log_files *logs, struct child_launch launch);
void crew_fini(struct crew *crew);

/* The workers that are wanted now, one bit a slot. */
uint64_t crew_workers(const struct crew *crew);
/* Those of them that take new connections. */
uint64_t crew_live_workers(const struct crew *crew);
bool crew_has_workers(const struct crew *crew);
bool crew_is_empty(const struct crew *crew);

/* Starts the missing workers and the keeper, retires the surplus. */
void crew_fill(struct crew *crew, uint64_t now_ms);
/* Hands the generation out; the keeper is started if it never was. */
void crew_configure_keeper(struct crew *crew, uint64_t now_ms);
void crew_configure_workers(struct crew *crew);
/* Hands just the logs to everybody. */
void crew_reopen_logs(struct crew *crew);

/* Starts the process of one slot, or has it tried again. Steer afterwards. */
void crew_start(struct crew *crew, struct child *c, uint64_t now_ms);
/* A slot's last process is gone for good. */
void crew_vacate(struct crew *crew, const struct child *c);
/* Call after every change to the sockets or to the workers that take connections. */
void crew_steer(struct crew *crew);
/* Follows the numbers of connections that the workers hold; call at balance_due_ms. */
void crew_balance(struct crew *crew, uint64_t now_ms);

/* Tells all workers to finish within deadline_ms and closes our copies of their sockets. Nobody is
 * started again. */
void crew_drain(struct crew *crew, uint32_t deadline_ms, uint64_t now_ms);
void crew_drain_keeper(struct crew *crew, uint64_t now_ms);
void crew_kill(struct crew *crew);

/* Whether everybody who is wanted has applied the generation, refused it, or been given the chance:
 * true when nobody is left to wait for. Appends a line for each that has not applied it. */
bool crew_has_settled(const struct crew *crew, struct buf *problems);

#endif
