#include "net/address_counts.h"

/* Handshakes of a cell: the minute of the last one, how many began in it, and in the one before. */
#define COUNT_BITS 20
#define COUNT_MAX ((1u << COUNT_BITS) - 1)
#define MINUTE_MAX 0xffffffu

struct sketch {
    _Atomic uint32_t open[ADDRESS_COUNTS_ROWS][ADDRESS_COUNTS_CELLS];
    _Atomic uint64_t begun[ADDRESS_COUNTS_ROWS][ADDRESS_COUNTS_CELLS];
};

_Static_assert(sizeof(struct sketch) <= BOARD_CLIENT_BYTES, "the board has room for it");

static struct sketch *sketch_of(const struct address_counts *c, uint32_t slot)
{
    return board_client_section(c->board, slot);
}

void address_counts_init(struct address_counts *c, struct board *board, uint32_t slot)
{
    *c = (struct address_counts){ .board = board, .slot = slot };
    memcpy(&c->secret, board_client_secret(board), sizeof(c->secret));
}

struct address_counts_place address_counts_place(const struct address_counts *c,
                                                 struct slice prefix)
{
    struct address_counts_place place;
    uint64_t bits = siphash_of(c->secret, prefix).low;
    for (uint32_t row = 0; row < ADDRESS_COUNTS_ROWS; row++, bits >>= 16)
        place.cells[row] = bits % ADDRESS_COUNTS_CELLS;
    return place;
}

/* ---- connections ---- */

uint32_t address_counts_open(const struct address_counts *c, struct address_counts_place place)
{
    uint32_t least = UINT32_MAX;
    uint32_t end = board_workers_end(c->board);
    for (uint32_t row = 0; row < ADDRESS_COUNTS_ROWS; row++) {
        uint32_t sum = 0;
        for (uint32_t slot = 0; slot < end; slot++)
            sum += atomic_load_explicit(&sketch_of(c, slot)->open[row][place.cells[row]],
                                        memory_order_relaxed);
        least = MIN(least, sum);
    }
    return least;
}

void address_counts_add(struct address_counts *c, struct address_counts_place place, int change)
{
    for (uint32_t row = 0; row < ADDRESS_COUNTS_ROWS; row++) {
        _Atomic uint32_t *cell = &sketch_of(c, c->slot)->open[row][place.cells[row]];
        uint32_t now = atomic_load_explicit(cell, memory_order_relaxed);
        atomic_store_explicit(cell, now + (uint32_t)change, memory_order_relaxed);
    }
}

/* ---- handshakes ---- */

struct begun {
    uint32_t minute, now, before;
};

/* As of `minute`, whenever the cell was written. */
static struct begun begun_at(uint64_t cell, uint32_t minute)
{
    struct begun b = { .minute = (uint32_t)(cell >> 2 * COUNT_BITS),
                       .now = (uint32_t)(cell >> COUNT_BITS) & COUNT_MAX,
                       .before = (uint32_t)cell & COUNT_MAX };
    if (b.minute == minute)
        return b;
    bool is_last = b.minute == ((minute - 1) & MINUTE_MAX);
    return (struct begun){ .minute = minute, .before = is_last ? b.now : 0 };
}

static uint32_t minute_of(uint64_t now_ms)
{
    return (uint32_t)(now_ms / ADDRESS_COUNTS_WINDOW_MS) & MINUTE_MAX;
}

uint32_t address_counts_begun(const struct address_counts *c, struct address_counts_place place,
                              uint64_t now_ms)
{
    uint32_t least = UINT32_MAX;
    uint32_t end = board_workers_end(c->board);
    uint64_t left_ms = ADDRESS_COUNTS_WINDOW_MS - now_ms % ADDRESS_COUNTS_WINDOW_MS;
    for (uint32_t row = 0; row < ADDRESS_COUNTS_ROWS; row++) {
        uint64_t now = 0, before = 0;
        for (uint32_t slot = 0; slot < end; slot++) {
            struct begun b = begun_at(
                counter_read(&sketch_of(c, slot)->begun[row][place.cells[row]]), minute_of(now_ms));
            now += b.now;
            before += b.before;
        }
        least = MIN(least, (uint32_t)(now + before * left_ms / ADDRESS_COUNTS_WINDOW_MS));
    }
    return least;
}

void address_counts_begin(struct address_counts *c, struct address_counts_place place,
                          uint64_t now_ms)
{
    for (uint32_t row = 0; row < ADDRESS_COUNTS_ROWS; row++) {
        _Atomic uint64_t *cell = &sketch_of(c, c->slot)->begun[row][place.cells[row]];
        struct begun b = begun_at(counter_read(cell), minute_of(now_ms));
        b.now = MIN(b.now + 1, COUNT_MAX);
        counter_set(cell, (uint64_t)b.minute << 2 * COUNT_BITS | (uint64_t)b.now << COUNT_BITS |
                              b.before);
    }
}
