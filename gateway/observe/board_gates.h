/* Where gates (observe/gates.h) are on the board: two of each upstream, one of each system. */
#ifndef OBSERVE_BOARD_GATES_H
#define OBSERVE_BOARD_GATES_H

#include "observe/board.h"
#include "observe/gates.h"

#define BOARD_GATES (BOARD_UPSTREAMS_MAX * GATE_CLASSES + BOARD_SYSTEMS_MAX)

/* The number of a gate; -1 when there is no such upstream or system on the board. */
int board_upstream_gate(int upstream, enum gate_class class);
int board_system_gate(int system);
/* Its cells, one for each worker, and its state. */
struct gate_cell *board_gate_cells(const struct board *b, int gate);
struct gate_state *board_gate_state(const struct board *b, int gate);

#endif
