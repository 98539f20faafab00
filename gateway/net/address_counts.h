/* How many connections are open, and how many TLS handshakes began lately, of each address and
 * network, over all workers of the node: a count-min sketch (Cormode and Muthukrishnan, 2005).
 *
 * Each worker counts in a sketch of its own on the board, as everywhere there (observe/counter.h),
 * and who asks adds up those of all workers. So nobody waits, nothing is kept of an address that is
 * gone, and a worker that is killed leaves nothing to repair: the supervisor empties its sketch.
 *
 * An address, or the first bytes of it, has one cell in each of four rows. The least of its four is
 * never too low, and too high by what others have in it: some (all that is open / CELLS), where the
 * limits to compare with are parts of all. Which cells they are only the gateway knows. */
#ifndef NET_ADDRESS_COUNTS_H
#define NET_ADDRESS_COUNTS_H

#include "common/siphash.h"
#include "observe/board.h"

#define ADDRESS_COUNTS_ROWS 4
#define ADDRESS_COUNTS_CELLS 32768

/* What handshakes are counted over: the last minute, taken as even within each of the clock's. */
#define ADDRESS_COUNTS_WINDOW_MS 60000

struct address_counts {
    struct board *board; /* borrowed */
    uint32_t slot;
    struct siphash_key secret;
};

struct address_counts_place {
    uint16_t cells[ADDRESS_COUNTS_ROWS];
};

/* Of the worker in `slot`. */
void address_counts_init(struct address_counts *c, struct board *board, uint32_t slot);

struct address_counts_place address_counts_place(const struct address_counts *c,
                                                 struct slice prefix);

uint32_t address_counts_open(const struct address_counts *c, struct address_counts_place place);
/* One more, or (-1) one less. */
void address_counts_add(struct address_counts *c, struct address_counts_place place, int change);

/* `now_ms` is of the monotonic clock, which all processes of a machine share. */
uint32_t address_counts_begun(const struct address_counts *c, struct address_counts_place place,
                              uint64_t now_ms);
void address_counts_begin(struct address_counts *c, struct address_counts_place place,
                          uint64_t now_ms);

#endif
