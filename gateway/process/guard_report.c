#include "process/guard_report.h"

#include "observe/pressure.h"

#define MIB (1024ull * 1024)

static const struct {
    const char *name;
    enum metric_gauge level;
} reasons[] = {
    { "memory", GAUGE_PRESSURE_MEMORY },
    { "sockets", GAUGE_PRESSURE_SOCKETS },
    { "descriptors", GAUGE_PRESSURE_DESCRIPTORS },
    { "time", GAUGE_PRESSURE_TIME },
};

static uint64_t worst(const struct board *b)
{
    uint64_t level = PRESSURE_CALM;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        level = MAX(level, board_gauge_max(b, reasons[i].level));
    return MIN(level, PRESSURE_CRITICAL);
}

void guard_report_table(const struct board *b, struct buf *out)
{
    uint64_t level = worst(b), limit = board_state(b, BOARD_MEMORY_LIMIT);
    buf_printf(out, "pressure: %s", pressure_name(level));
    for (size_t i = 0; i < ARRAY_LEN(reasons) && level > PRESSURE_CALM; i++)
        if (board_gauge_max(b, reasons[i].level) >= level)
            buf_printf(out, " %s", reasons[i].name);
    buf_printf(out, "; %llu MiB of memory and %llu for sockets",
               (unsigned long long)(board_gauge_max(b, GAUGE_MEMORY) / MIB),
               (unsigned long long)(board_gauge_max(b, GAUGE_MEMORY_SOCKETS) / MIB));
    if (limit > 0)
        buf_printf(out, ", of %llu", (unsigned long long)(limit / MIB));
    buf_printf(out, "; the worst worker has %llu descriptors and is %llu ms late\n",
               (unsigned long long)board_gauge_max(b, GAUGE_DESCRIPTORS_OPEN),
               (unsigned long long)board_gauge_max(b, GAUGE_LOOP_LAG));
}

void guard_report_json(const struct board *b, struct json *j)
{
    json_object(j, "pressure");
    json_u64(j, "level", worst(b));
    json_string(j, "name", slice_str(pressure_name(worst(b))));
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        json_u64(j, reasons[i].name, board_gauge_max(b, reasons[i].level));
    json_u64(j, "memory_bytes", board_gauge_max(b, GAUGE_MEMORY));
    json_u64(j, "socket_memory_bytes", board_gauge_max(b, GAUGE_MEMORY_SOCKETS));
    json_u64(j, "memory_limit_bytes", board_state(b, BOARD_MEMORY_LIMIT));
    json_u64(j, "descriptors_open", board_gauge_max(b, GAUGE_DESCRIPTORS_OPEN));
    json_u64(j, "loop_lag_ms", board_gauge_max(b, GAUGE_LOOP_LAG));
    json_end_object(j);
}
