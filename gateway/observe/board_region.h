/* How the board is laid out, for the files that make it up (board.c, board_sums.c):
 *
 *   header | states | slots | tickets | keys of names | names | in flight [peer][worker] |
 *   health [peer] | addresses [peer] | closures [upstream] | states [peer] | states of gates |
 *   gates [gate][worker] | clients [worker] | rows
 *
 * A row holds first what is small and always in use (metrics, counts), then the histograms, so that
 * a process which serves five routes touches a handful of pages. A reader looks at a histogram only
 * where the counts beside it are not zero: reading a page that nobody wrote would allocate it. */
#ifndef OBSERVE_BOARD_REGION_H
#define OBSERVE_BOARD_REGION_H

#include "observe/board.h"
#include "observe/board_gates.h"

#define BOARD_PAGE_BYTES 4096
#define BOARD_NAMES_MAX                                                                            \
    (BOARD_ROUTES_MAX + BOARD_UPSTREAMS_MAX + BOARD_PEERS_MAX + BOARD_SYSTEMS_MAX)
#define BOARD_SERIES_MAX (BOARD_ROUTES_MAX + BOARD_UPSTREAMS_MAX)

struct board_row {
    _Alignas(BOARD_PAGE_BYTES) struct metrics metrics;
    _Alignas(64) struct series_counts counts[BOARD_SERIES_MAX];
    struct series_peer_counts peers[BOARD_PEERS_MAX];
    struct histogram latency[BOARD_SERIES_MAX];
};

struct board_region {
    uint64_t magic;
    uint32_t version, metric_words;
    uint64_t bytes;
    _Atomic uint64_t states[BOARD_STATE_COUNT];
    _Atomic uint64_t slots[BOARD_SLOTS];
    _Atomic uint64_t workers_end; /* slots of workers from here on were never used */
    unsigned char client_secret[BOARD_SECRET_BYTES];
    _Alignas(64) unsigned char tickets[BOARD_TICKET_BYTES];
    /* Hash of the name, or 0; written after the name, cleared before the name changes. */
    _Alignas(BOARD_PAGE_BYTES) _Atomic uint64_t keys[BOARD_NAMES_MAX];
    char names[BOARD_NAMES_MAX][BOARD_NAME_MAX + 1];
    _Alignas(BOARD_PAGE_BYTES) _Atomic uint32_t in_flight[BOARD_PEERS_MAX][BOARD_WORKERS_MAX];
    _Alignas(BOARD_PAGE_BYTES) struct peer_health health[BOARD_PEERS_MAX];
    _Alignas(BOARD_PAGE_BYTES) struct peer_addresses addresses[BOARD_PEERS_MAX];
    _Alignas(BOARD_PAGE_BYTES) struct closure closures[BOARD_UPSTREAMS_MAX];
    _Alignas(BOARD_PAGE_BYTES) struct peer_state peer_states[BOARD_PEERS_MAX];
    _Alignas(BOARD_PAGE_BYTES) struct gate_state gate_states[BOARD_GATES];
    _Alignas(BOARD_PAGE_BYTES) struct gate_cell gate_cells[BOARD_GATES][BOARD_WORKERS_MAX];
    _Alignas(BOARD_PAGE_BYTES) unsigned char clients[BOARD_WORKERS_MAX][BOARD_CLIENT_BYTES];
    struct board_row rows[BOARD_SLOTS];
};

/* What the supervisor remembers of a name, visible or forgotten. */
struct board_name_note {
    uint64_t key;
    uint64_t round; /* the last round in which it was registered */
};

struct board {
    struct board_region *region;   /* mapped */
    int fd;                        /* owned by the supervisor's board; -1 in children */
    struct board_name_note *notes; /* owned; NULL in children */
    uint64_t round;                /* grows with each board_forget_unused() */
};

/* The part of keys and names (and of series, where a kind has them) that belongs to each kind. */
struct board_kind {
    uint32_t first, count;
};

extern const struct board_kind board_kinds[SERIES_KINDS];

/* Another name takes the place of an upstream or a system. */
void board_gates_clear(struct board *b, enum series_kind kind, uint32_t index);
/* It has died: nothing is in flight or waits there. */
void board_gates_forget_worker(struct board *b, uint32_t worker);

#endif
