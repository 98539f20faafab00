/* Sees it coming that memory, descriptors or time run out, so that something is done before.
 *
 * Once in GUARD_PERIOD_MS, never for a request: each process says on the board how much memory it
 * holds; the keeper adds that up, and what the kernel keeps for sockets, and compares it with
 * guard.memory; it also looks how much of what the kernel keeps for all sockets of the machine is
 * used up. Each worker looks how many of its descriptors are open, and how late its loop is. Each
 * has a level (observe/pressure.h), and a worker acts on the worst of the node's and its own:
 *
 *   tight      idle connections are closed after a tenth of timeouts.keep_alive, and clients who
 *              take nothing of their answer after a tenth of timeouts.send
 *   scarce     and connections end with their answer, and clients have to take ten times
 *              timeouts.min_send_rate
 *   critical   and new connections are closed at once, without a handshake
 *
 * Idle connections have nothing in the kernel: where that alone is short they stay.
 *
 * A loop that is late is tight, which is told and no more, or critical. It ends no connection, idle
 * ones neither: who comes back costs more time than who stays.
 *
 * Resident memory counts what processes share (program, board, store) once. What a crowd has left
 * unused goes back to the system in ten seconds or so. */
#ifndef PROCESS_GUARD_H
#define PROCESS_GUARD_H

#include "net/loop.h"
#include "observe/board.h"
#include "observe/pressure.h"
#include "process/capacity.h"
#include "process/socket_memory.h"

#define GUARD_PERIOD_MS 200
/* A loop is as late as it was each of so many times: being held up once is no lack of time. */
#define GUARD_LAGS 3

struct guard {
    struct loop *loop;       /* borrowed */
    struct board *board;     /* borrowed */
    struct metrics *metrics; /* borrowed: this process's */
    bool is_keeper;
    struct timer timer;
    uint64_t due_ms;                    /* of the timer */
    int statm;                          /* owned: /proc/self/statm, or -1 */
    int supervisor_statm;               /* owned, the keeper's; or -1 */
    uint32_t descriptors_max;           /* a worker's limit */
    uint64_t look_ms;                   /* when freed memory is looked at again */
    uint32_t unused_looks;              /* one after the other that found much of it */
    struct socket_memory socket_memory; /* the keeper's */
    uint32_t lags_ms[GUARD_LAGS];
    uint32_t lag_count;
    enum pressure_level memory_level, sockets_level; /* of the node */
    struct pressure memory, sockets;                 /* the keeper's */
    struct pressure descriptors, lag;                /* a worker's */
    void (*on_step)(struct guard *g);
};

/* What guard.memory says, or for 0 (auto) three quarters of what the machine had for us at the
 * start, or more where the capacity needs it, up to nine tenths. 0: unlimited, as nobody knows. */
uint64_t guard_memory_limit(const struct capacity *c, const struct config *config,
                            uint32_t workers);

/* on_step is called after each look, in the timer's event; NULL for the keeper. */
void guard_init(struct guard *g, struct loop *loop, struct board *board, uint32_t slot,
                uint64_t descriptors_max, void (*on_step)(struct guard *g));
void guard_fini(struct guard *g);

/* The worst. */
enum pressure_level guard_level(const struct guard *g);
/* What is to be done about connections that are open: nothing for a late loop, which new handshakes
 * would make later still. */
enum pressure_level guard_keep_alive_level(const struct guard *g);
/* And about clients who do not take their answer. */
enum pressure_level guard_blocked_level(const struct guard *g);

#endif
