#include "config/units.h"

#include "config/text.h"

struct scale {
    const char *name;
    const char *habits; /* what people write instead, in any case */
    uint64_t factor;
};

static const struct scale durations[] = {
    { "ms", "ms|msec|msecs|millis", 1 },
    { "s", "s|sec|secs|second|seconds", 1000 },
    { "m", "m|min|mins|minute|minutes", 60000 },
    { "h", "h|hr|hrs|hour|hours", 3600000 },
    { "d", "d|day|days", 86400000 },
    { NULL, NULL, 0 },
};

static const struct scale sizes[] = {
    { "B", "b|byte|bytes", 1 },
    { "KiB", "k|kb|kib", 1024 },
    { "MiB", "m|mb|mib", 1024 * 1024 },
    { "GiB", "g|gb|gib", 1024 * 1024 * 1024 },
    { NULL, NULL, 0 },
};

static const struct {
    const char *what, *names, *example;
    const struct scale *scales;
} kinds[] = {
    [UNIT_DURATION] = { "duration", "ms, s, m, h or d", "30s", durations },
    [UNIT_SIZE] = { "size", "B, KiB, MiB or GiB", "64KiB", sizes },
};

static size_t count_digits(struct slice text)
{
    size_t n = 0;
    while (n < text.len && text.data[n] >= '0' && text.data[n] <= '9')
        n++;
    return n;
}

static int too_large(struct slice text, struct err *e)
{
    return err_set(e, ERR_INVALID, "%s is too large a number", text_quote(text).text);
}

static const struct scale *scale_named(const struct scale *scales, struct slice name)
{
    for (const struct scale *s = scales; s->name; s++)
        if (slice_eq(name, slice_str(s->name)))
            return s;
    return NULL;
}

static const struct scale *scale_meant(const struct scale *scales, struct slice name)
{
    for (const struct scale *s = scales; s->name; s++)
        if (text_choice(s->habits, slice_trim(name)) != TEXT_NO_CHOICE)
            return s;
    return NULL;
}

static int wrong_unit(enum unit unit, struct slice text, size_t digits, struct err *e)
{
    const struct scale *meant = scale_meant(kinds[unit].scales, slice_from(text, digits));
    struct text_quote number = text_quote(text);
    if (digits == text.len && digits > 0)
        return err_set(e, ERR_INVALID, "%s needs a unit: %s, such as %.*s%s", number.text,
                       kinds[unit].names, (int)MIN(digits, 20), text.data,
                       kinds[unit].scales[1].name);
    if (digits > 0 && meant)
        return err_set(e, ERR_INVALID, "%s is not a %s; write %.*s%s", number.text,
                       kinds[unit].what, (int)MIN(digits, 20), text.data, meant->name);
    return err_set(e, ERR_INVALID, "%s is not a %s; write a whole number and %s, such as %s",
                   number.text, kinds[unit].what, kinds[unit].names, kinds[unit].example);
}

static int parse_count(struct slice text, uint64_t *value, struct err *e)
{
    if (text.len == 0 || count_digits(text) != text.len)
        return err_set(e, ERR_INVALID,
                       "%s is not a whole number; write digits only, such as 120000",
                       text_quote(text).text);
    return slice_to_u64(text, value) ? 0 : too_large(text, e);
}

int units_parse(enum unit unit, struct slice text, uint64_t *value, struct err *e)
{
    if (unit == UNIT_COUNT)
        return parse_count(text, value, e);
    size_t digits = count_digits(text);
    const struct scale *scale = scale_named(kinds[unit].scales, slice_from(text, digits));
    if (digits == 0 || !scale)
        return wrong_unit(unit, text, digits, e);
    uint64_t number;
    if (!slice_to_u64(slice_of(text.data, digits), &number) || number > UINT64_MAX / scale->factor)
        return too_large(text, e);
    *value = number * scale->factor;
    return 0;
}
