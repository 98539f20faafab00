#include "bench/report/figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FIGURE(...)                                                                                \
    struct figure f;                                                                               \
    snprintf(f.text, sizeof(f.text), __VA_ARGS__);                                                 \
    return f

/* Three digits tell enough: 1.23, 12.3, 123. */
static int decimals(double value)
{
    double size = fabs(value);
    if (size < 9.995)
        return 2;
    return size < 99.95 ? 1 : 0;
}

static struct figure with_unit(double value, const char *unit)
{
    int digits = value == floor(value) && fabs(value) < 1000 ? 0 : decimals(value);
    FIGURE("%.*f%s%s", digits, value, *unit == '%' || !*unit ? "" : " ", unit);
}

struct figure figure_count(double value)
{
    if (!isfinite(value) || fabs(value) >= 1e15)
        return with_unit(value, "");
    if (value != floor(value) && fabs(value) < 1000)
        return with_unit(value, "");
    char digits[24];
    snprintf(digits, sizeof(digits), "%.0f", fabs(value));
    struct figure f = { .text = "-" };
    size_t at = value < 0 ? 1 : 0;
    size_t len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            f.text[at++] = ',';
        f.text[at++] = digits[i];
    }
    f.text[at] = '\0';
    return f;
}

struct figure figure_short(double value)
{
    double size = fabs(value);
    if (size >= 1e6) {
        FIGURE("%.3gM", value / 1e6);
    }
    if (size >= 1e3) {
        FIGURE("%.3gk", value / 1e3);
    }
    FIGURE("%.3g", value);
}

struct figure figure_us(double us)
{
    if (fabs(us) >= 999500)
        return with_unit(us / 1e6, "s");
    if (fabs(us) >= 999.5)
        return with_unit(us / 1e3, "ms");
    return with_unit(round(us), "µs");
}

struct figure figure_bytes(double bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;
    while (fabs(bytes) >= 1024 && unit + 1 < ARRAY_LEN(units)) {
        bytes /= 1024;
        unit++;
    }
    return with_unit(bytes, units[unit]);
}

struct figure figure_percent(double percent)
{
    if (percent != 0 && fabs(percent) < 0.995) {
        FIGURE("%.2g%%", percent);
    }
    return with_unit(percent, "%");
}

struct figure figure_elapsed(uint64_t seconds)
{
    unsigned hours = (unsigned)(seconds / 3600);
    unsigned minutes = (unsigned)(seconds / 60 % 60);
    unsigned rest = (unsigned)(seconds % 60);
    if (hours) {
        FIGURE("%u:%02u:%02u", hours, minutes, rest);
    }
    FIGURE("%u:%02u", minutes, rest);
}

struct figure figure_in(double value, const char *unit)
{
    if (!isfinite(value)) {
        FIGURE("–");
    }
    if (strcmp(unit, "ms") == 0)
        return figure_us(value * 1e3);
    if (strcmp(unit, "s") == 0)
        return figure_us(value * 1e6);
    if (strcmp(unit, "bytes") == 0)
        return figure_bytes(value);
    if (strcmp(unit, "%") == 0)
        return figure_percent(value);
    if (*unit == '\0')
        return figure_count(value);
    return with_unit(value, unit);
}
