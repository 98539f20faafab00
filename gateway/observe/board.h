/* The memory that all processes of one gateway share: metrics, series, counts in flight, states.
 *
 * The supervisor makes it (a sparse memfd) and hands the descriptor to every child; only pages that
 * are touched cost memory, and each process writes pages of its own. Every word has one writer: a
 * process writes its row, the supervisor writes names, states and slots, and cleans up after a
 * process that is dead. There are no locks, so a process may be killed at any instant.
 *
 * Series have names ("portal" in SERIES_ROUTE; "portal/10.0.0.1:80" in SERIES_PEER). The supervisor
 * registers those of a configuration before it hands the configuration out; children find their
 * index then. An index keeps its name across configurations.
 *
 * What is found here may have been written by a compromised child: nothing in it is a pointer, and
 * readers bound every index and length themselves. */
#ifndef OBSERVE_BOARD_H
#define OBSERVE_BOARD_H

#include "common/err.h"
#include "common/slice.h"
#include "observe/closure.h"
#include "observe/metrics.h"
#include "observe/peer_addresses.h"
#include "observe/peer_health.h"
#include "observe/peer_state.h"
#include "observe/series.h"

#define BOARD_WORKERS_MAX 64
#define BOARD_KEEPER BOARD_WORKERS_MAX /* the keeper's slot */
#define BOARD_SLOTS (BOARD_WORKERS_MAX + 1)

#define BOARD_ROUTES_MAX 1024
#define BOARD_UPSTREAMS_MAX 256
#define BOARD_PEERS_MAX 2048
#define BOARD_SYSTEMS_MAX 32
#define BOARD_NAME_MAX 255 /* bytes */
#define BOARD_TICKET_BYTES 1024
#define BOARD_CLIENT_BYTES (1536 * 1024)
#define BOARD_SECRET_BYTES 16

#define BOARD_STATE_ID(id, name, type, help) BOARD_##id,
enum board_state { METRICS_STATES(BOARD_STATE_ID) BOARD_STATE_COUNT };
#undef BOARD_STATE_ID

enum board_slot {
    BOARD_SLOT_UNUSED, /* never had a process */
    BOARD_SLOT_UP,
    BOARD_SLOT_DOWN,    /* its process died and will be started again */
    BOARD_SLOT_RETIRED, /* had a process; its counters still count */
};

struct board;

/* NULL with a sentence in `e` on failure. */
struct board *board_create(struct err *e);
/* The descriptor to hand to children; it belongs to the board. */
int board_fd(const struct board *b);
/* Takes over `fd`, closing it on failure too. NULL when it is not a board of this very version. */
struct board *board_attach(int fd, struct err *e);
/* NULL-safe; *b is NULL after. The memory lives on while another process has it. */
void board_free(struct board **b);

/* Names; the supervisor's part. Returns the index, ERR_LIMIT when all are in use, or ERR_INVALID
 * for an empty or overlong name. */
int board_register(struct board *b, enum series_kind kind, struct slice name) MUST_CHECK;
/* Call when every child has applied a configuration: names that were not registered since the last
 * call disappear. Their indexes are reused last of all, because a worker may still be finishing
 * requests under them; should one do so even then, its count lands with the new name. */
void board_forget_unused(struct board *b);

/* Names; everybody's part. An index, or -1. */
int board_find(const struct board *b, enum series_kind kind, struct slice name);
/* Copies the terminated name of an index and returns its length; 0 when the index has none. */
size_t board_name(const struct board *b, enum series_kind kind, uint32_t index,
                  char out[BOARD_NAME_MAX + 1]);
uint32_t board_limit(enum series_kind kind);

/* Where the process in `slot` counts. `index` may be -1: the series then counts nothing. */
struct metrics *board_metrics(struct board *b, uint32_t slot);
struct series board_series(struct board *b, uint32_t slot, enum series_kind kind, int index);
/* Of workers only. */
struct series_peer board_peer(struct board *b, uint32_t slot, int index);

/* What probes know of a peer, where its name leads, and what all know of it; whether an upstream is
 * closed for work. NULL for an index of -1. */
struct peer_health *board_peer_health(const struct board *b, int index);
struct peer_addresses *board_peer_addresses(const struct board *b, int index);
struct peer_state *board_peer_state(const struct board *b, int index);
struct closure *board_closure(const struct board *b, int index);
/* Requests that all workers together have under way at a peer. */
uint32_t board_in_flight(const struct board *b, int index);

/* Sums over all workers that ever were: the keeper's own listener is not what is served here. */
uint64_t board_counter(const struct board *b, enum metric_counter id);
uint64_t board_gauge_sum(const struct board *b, enum metric_gauge id);
/* The least over the processes that are up; 0 when there is none. */
uint64_t board_gauge_min(const struct board *b, enum metric_gauge id);
/* The most over all processes, the keeper included. */
uint64_t board_gauge_max(const struct board *b, enum metric_gauge id);
struct series_counts board_counts(const struct board *b, enum series_kind kind, uint32_t index);
struct histogram board_latency(const struct board *b, enum series_kind kind, uint32_t index);
struct series_peer_counts board_peer_counts(const struct board *b, uint32_t index);

/* The supervisor writes; a change to anything but UP takes back what the process left behind (its
 * gauges, its counts in flight and of clients), so call it when the process is certainly dead. */
void board_set_slot(struct board *b, uint32_t slot, enum board_slot state);
enum board_slot board_slot(const struct board *b, uint32_t slot);
void board_set_state(struct board *b, enum board_state id, uint64_t value);
uint64_t board_state(const struct board *b, enum board_state id);

/* BOARD_TICKET_BYTES, aligned to 64, zeroed at first; what is in there is tls_tickets' affair. */
void *board_ticket_section(struct board *b);

/* Workers have slots below this one. */
uint32_t board_workers_end(const struct board *b);
/* BOARD_CLIENT_BYTES of each worker, aligned to a page: what it counts of its clients, as
 * net/address_counts has it. */
void *board_client_section(struct board *b, uint32_t worker);
/* BOARD_SECRET_BYTES that no client knows. */
const void *board_client_secret(const struct board *b);

#endif
