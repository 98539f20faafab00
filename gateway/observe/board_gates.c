/* Gates on the board. */
#include "observe/board_region.h"

int board_upstream_gate(int upstream, enum gate_class class)
{
    assert(upstream < BOARD_UPSTREAMS_MAX);
    return upstream < 0 ? -1 : upstream * (int)GATE_CLASSES + (int)class;
}

int board_system_gate(int system)
{
    assert(system < BOARD_SYSTEMS_MAX);
    return system < 0 ? -1 : BOARD_UPSTREAMS_MAX * (int)GATE_CLASSES + system;
}

struct gate_cell *board_gate_cells(const struct board *b, int gate)
{
    assert(gate >= 0 && gate < BOARD_GATES);
    return b->region->gate_cells[gate];
}

struct gate_state *board_gate_state(const struct board *b, int gate)
{
    assert(gate >= 0 && gate < BOARD_GATES);
    return &b->region->gate_states[gate];
}

const char *gate_shed_name(enum gate_shed why)
{
    static const char *const names[GATE_SHED_KINDS] = {
        [GATE_SHED_FULL] = "full",
        [GATE_SHED_LATE] = "late",
        [GATE_SHED_BROKEN] = "broken",
    };
    return names[why];
}

static void clear_gate(struct board *b, int gate)
{
    memset(&b->region->gate_states[gate], 0, sizeof(b->region->gate_states[gate]));
    memset(b->region->gate_cells[gate], 0, sizeof(b->region->gate_cells[gate]));
}

void board_gates_clear(struct board *b, enum series_kind kind, uint32_t index)
{
    if (kind == SERIES_SYSTEM) {
        clear_gate(b, board_system_gate((int)index));
        return;
    }
    for (int class = 0; class < (int)GATE_CLASSES; class ++)
        clear_gate(b, board_upstream_gate((int)index, (enum gate_class) class));
}

/* Reading a page that nobody wrote would allocate it: only gates that have a name are looked at. */
void board_gates_forget_worker(struct board *b, uint32_t worker)
{
    for (int gate = 0; gate < BOARD_GATES; gate++) {
        bool is_system = gate >= board_system_gate(0);
        uint32_t at =
            is_system ? board_kinds[SERIES_SYSTEM].first + (uint32_t)(gate - board_system_gate(0))
                      : board_kinds[SERIES_UPSTREAM].first + (uint32_t)gate / GATE_CLASSES;
        if (!b->notes[at].key)
            continue;
        gate_set32(&b->region->gate_cells[gate][worker].in_flight, 0);
        gate_set32(&b->region->gate_cells[gate][worker].waiting, 0);
    }
}
