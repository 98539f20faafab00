/* One process slot of the supervisor: a worker's or the keeper's, and the process in it.
 *
 *            start               applied             retire               drain
 *   ABSENT ─────────► STARTING ──────────► RUNNING ─────────► RETIRING ─────────► LEAVING
 *                     ▲      │ died           │ died              │ died             │ died
 *               start │      ▼                │                   └──────────────────┴──► ABSENT
 *                     WAITING ◄───────────────┘
 *
 * A surplus worker is RETIRING for a moment: new connections go to others already, and those that
 * are still shaking hands with its sockets arrive before it closes them. retire and drain apply to
 * STARTING as well; in WAITING they end in ABSENT.
 *
 * A process that dies is started again at once; one that dies within 10 s of its start the next
 * time after 100 ms, doubling to 10 s; one that lived for 60 s has a clean record. A slot is
 * reused, so nothing in it outlives its process but the record. */
#ifndef PROCESS_CHILD_H
#define PROCESS_CHILD_H

#include "common/err.h"
#include "process/channel.h"
#include "process/privileges.h"

#define CHILD_KEEPER CONFIG_WORKERS_MAX /* the keeper's slot */
#define CHILD_SLOTS (CONFIG_WORKERS_MAX + 1)

#define CHILD_CHANNEL_FD 3 /* where a child finds them */
#define CHILD_BOARD_FD 4
#define CHILD_STORE_FD 5

#define CHILD_START_MS 30000 /* to apply its first configuration, before it is killed */
#define CHILD_RETIRE_MS 3000 /* a handshake with one SYN-ACK lost takes 1 s, with two lost 3 s */
#define CHILD_LATE_MS 3000   /* past its deadline, before it is killed */

enum child_state {
    CHILD_ABSENT,
    CHILD_WAITING,
    CHILD_STARTING,
    CHILD_RUNNING,
    CHILD_RETIRING,
    CHILD_LEAVING,
};

struct child {
    uint32_t slot;
    enum child_state state;
    pid_t pid;           /* 0 without a process */
    int channel;         /* owned; -1 without a process */
    bool full;           /* it wants no new connections */
    uint32_t generation; /* applied last; 0: none yet */
    uint32_t refused;    /* rejected last; 0: none */
    uint32_t restarts;
    uint64_t started_ms;
    uint64_t due_ms;     /* WAITING: start; STARTING, LEAVING: kill; RETIRING: drain; 0: never */
    uint64_t backoff_ms; /* how long the next start waits */
};

/* What a process is started with. */
struct child_launch {
    int board_fd, store_fd;
    struct privileges privileges;
};

void child_init(struct child *c, uint32_t slot);

static inline bool child_is_worker(const struct child *c)
{
    return c->slot != CHILD_KEEPER;
}

static inline bool child_is_alive(const struct child *c)
{
    return c->pid != 0;
}

/* It is meant to be there: not ABSENT, and not on its way out. */
static inline bool child_is_wanted(const struct child *c)
{
    return c->state == CHILD_WAITING || c->state == CHILD_STARTING || c->state == CHILD_RUNNING;
}

/* "worker 3", "keeper" */
const char *child_name(const struct child *c, char out[16]);

/* Forks and executes this program. ABSENT or WAITING becomes STARTING. */
int child_start(struct child *c, const struct child_launch *how, uint64_t now_ms,
                struct err *e) MUST_CHECK;
/* The process could not be started, or has died: WAITING with its back-off, or ABSENT if it was
 * to go. */
void child_died(struct child *c, uint64_t now_ms);
void child_applied(struct child *c, uint32_t generation);
void child_retire(struct child *c, uint64_t now_ms);
/* The process is told to finish, and will be killed when it is late. */
void child_drain(struct child *c, uint32_t deadline_ms, uint64_t now_ms);
void child_kill(struct child *c);

/* "exited with status 1", "was killed by SIGSEGV" */
void child_describe_status(int wait_status, char *out, size_t size);

#endif
