#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct timespec now(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t;
}

uint64_t clock_now_us(void)
{
    struct timespec t = now(CLOCK_MONOTONIC);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_now_ms(void)
{
    return clock_now_us() / 1000;
}

uint64_t clock_wall_ms(void)
{
    struct timespec t = now(CLOCK_REALTIME);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void clock_format_iso(char out[CLOCK_ISO_LEN + 1], uint64_t wall_ms)
{
    char text[80];
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (unsigned)(wall_ms % 1000));
    memcpy(out, text, CLOCK_ISO_LEN);
    out[CLOCK_ISO_LEN] = '\0';
}

void clock_format_http(char out[CLOCK_HTTP_LEN + 1], uint64_t wall_ms)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    char text[80];
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, text, CLOCK_HTTP_LEN);
    out[CLOCK_HTTP_LEN] = '\0';
}

const char *clock_format_age(uint64_t ms, char out[CLOCK_AGE_BYTES])
{
    unsigned long long seconds = ms / 1000;
    if (seconds >= 86400)
        snprintf(out, CLOCK_AGE_BYTES, "%llud%lluh", seconds / 86400, seconds % 86400 / 3600);
    else if (seconds >= 3600)
        snprintf(out, CLOCK_AGE_BYTES, "%lluh%llum", seconds / 3600, seconds % 3600 / 60);
    else if (seconds >= 60)
        snprintf(out, CLOCK_AGE_BYTES, "%llum%llus", seconds / 60, seconds % 60);
    else
        snprintf(out, CLOCK_AGE_BYTES, "%llus", seconds);
    return out;
}

/* Takes `digits` digits off the front. */
static bool take_number(struct slice *text, size_t digits, int *value)
{
    uint64_t number;
    if (text->len < digits || !slice_to_u64(slice_of(text->data, digits), &number))
        return false;
    *value = (int)number;
    *text = slice_from(*text, digits);
    return true;
}

static bool take_char(struct slice *text, const char *any)
{
    if (text->len == 0 || !strchr(any, text->data[0]))
        return false;
    *text = slice_from(*text, 1);
    return true;
}

/* "Z", "+07:00", or nothing. */
static bool take_zone(struct slice *text, int *east_minutes)
{
    int hours = 7, minutes = 0;
    bool is_west = text->len && text->data[0] == '-';
    if (take_char(text, "Zz"))
        hours = 0;
    else if (take_char(text, "+-") &&
             !(take_number(text, 2, &hours) && take_char(text, ":") &&
               take_number(text, 2, &minutes) && hours < 24 && minutes < 60))
        return false;
    *east_minutes = (is_west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

/* timegm() makes the 3rd of March of the 31st of February. */
static bool to_seconds(const struct tm *tm, time_t *seconds)
{
    struct tm copy = *tm;
    *seconds = timegm(&copy);
    return copy.tm_mon == tm->tm_mon && copy.tm_mday == tm->tm_mday &&
           copy.tm_hour == tm->tm_hour && copy.tm_min == tm->tm_min && copy.tm_sec == tm->tm_sec;
}

bool clock_parse_iso(struct slice text, uint64_t *wall_ms)
{
    struct tm tm = { 0 };
    time_t seconds;
    int east_minutes;
    if (!take_number(&text, 4, &tm.tm_year) || !take_char(&text, "-") ||
        !take_number(&text, 2, &tm.tm_mon) || !take_char(&text, "-") ||
        !take_number(&text, 2, &tm.tm_mday) || !take_char(&text, "Tt ") ||
        !take_number(&text, 2, &tm.tm_hour) || !take_char(&text, ":") ||
        !take_number(&text, 2, &tm.tm_min))
        return false;
    if (take_char(&text, ":") && !take_number(&text, 2, &tm.tm_sec))
        return false;
    if (!take_zone(&text, &east_minutes) || text.len || tm.tm_year < 1971)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (!to_seconds(&tm, &seconds))
        return false;
    *wall_ms = (uint64_t)(seconds - east_minutes * 60) * 1000;
    return true;
}
