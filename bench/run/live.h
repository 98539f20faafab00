/* The sign of life of a run: on a terminal one line, rewritten every second; elsewhere a plain line
 * every ten. Colours only where there is a terminal and NO_COLOR is not set. */
#ifndef RUN_LIVE_H
#define RUN_LIVE_H

#include "bench/measure/results.h"

struct live {
    const struct scenario *scenario; /* borrowed */
    bool is_rewritten, has_colours, has_blocks;
    uint64_t plain_due_s;
    bool has_line; /* an unfinished line is on the terminal */
};

/* How far the run is, and how it goes. */
struct live_state {
    uint64_t elapsed_s;
    const struct results_board *board;
    uint32_t users_planned;
    const char *verdict; /* "PASS", "FAIL", "INVALID" so far; NULL: not known yet */
};

void live_init(struct live *l, const struct scenario *s, bool plain);
void live_show(struct live *l, const struct live_state *now);
/* A line of its own, above the live one: "2:30 node-2 killed". */
void live_note(struct live *l, uint64_t elapsed_s, const char *text);
/* Leaves the terminal at the start of an empty line. */
void live_end(struct live *l);

#endif
