#include "bench/report/scale.h"

#include <math.h>

static void put_ticks(struct scale *s, double step)
{
    while (s->tick_count < SCALE_TICKS_MAX && s->tick_count * step <= s->high + step * 0.01) {
        s->ticks[s->tick_count] = s->tick_count * step;
        s->tick_count++;
    }
}

struct scale scale_linear(double max)
{
    if (!(max > 0))
        max = 1;
    double power = pow(10, floor(log10(max / 2)));
    static const double steps[] = { 1, 2, 2.5, 5, 10 };
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(steps) && steps[i] * power * 4 < max)
        i++;
    double step = steps[i] * power;
    struct scale s = { .low = 0, .high = ceil(max / step - 1e-9) * step };
    put_ticks(&s, step);
    return s;
}

struct scale scale_log(double min, double max)
{
    struct scale s = { .is_log = true };
    int from = (int)floor(log10(min));
    int to = (int)ceil(log10(MAX(max, min * 1.01)));
    s.low = pow(10, from);
    s.high = pow(10, to);
    for (int power = from; power <= to && s.tick_count < SCALE_TICKS_MAX; power++)
        s.ticks[s.tick_count++] = pow(10, power);
    return s;
}

struct scale scale_time(double seconds)
{
    static const double steps[] = { 1,   2,   5,   10,   15,   30,   60,   120,
                                    300, 600, 900, 1800, 3600, 7200, 14400 };
    struct scale s = { .low = 0, .high = MAX(seconds, 1) };
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(steps) && s.high / steps[i] > 6)
        i++;
    put_ticks(&s, steps[i]);
    return s;
}

double scale_place(const struct scale *s, double value)
{
    double place = s->is_log ? log(MAX(value, s->low) / s->low) / log(s->high / s->low)
                             : (value - s->low) / (s->high - s->low);
    return MIN(MAX(place, 0), 1);
}
