#include "bench/run/schedule.h"

#include <stdio.h>

uint64_t schedule_phase_start_ms(const struct scenario *s, uint32_t phase)
{
    uint64_t start_ms = 0;
    for (uint32_t i = 0; i < phase && i < s->phase_count; i++)
        start_ms += s->phases[i].duration_ms;
    return start_ms;
}

uint32_t schedule_phase(const struct scenario *s, uint64_t elapsed_ms)
{
    uint64_t end_ms = 0;
    for (uint32_t i = 0; i < s->phase_count; i++) {
        end_ms += s->phases[i].duration_ms;
        if (elapsed_ms < end_ms)
            return i;
    }
    return s->phase_count - 1;
}

uint32_t schedule_users(const struct scenario *s, uint64_t elapsed_ms)
{
    uint32_t index = schedule_phase(s, elapsed_ms);
    const struct scenario_phase *phase = &s->phases[index];
    uint64_t into_ms = MIN(elapsed_ms - schedule_phase_start_ms(s, index), phase->duration_ms);
    if (phase->duration_ms == 0)
        return phase->users_to;
    int64_t grown = ((int64_t)phase->users_to - (int64_t)phase->users_from) * (int64_t)into_ms /
                    (int64_t)phase->duration_ms;
    return (uint32_t)((int64_t)phase->users_from + grown);
}

uint64_t schedule_fault_ms(const struct scenario *s, const struct scenario_fault *fault)
{
    return schedule_phase_start_ms(s, fault->phase) + fault->at_ms;
}

void schedule_describe(uint64_t ms, char *out, size_t size)
{
    unsigned long long s = (ms + 500) / 1000, minutes = s / 60;
    if (s < 60)
        snprintf(out, size, "%llu s", s);
    else if (minutes < 60)
        snprintf(out, size, "%llu min %02llu s", minutes, s % 60);
    else
        snprintf(out, size, "%llu h %02llu min", minutes / 60, minutes % 60);
}
