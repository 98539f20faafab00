#include "bench/node/latency.h"

#include "bench/node/seed.h"
#include "config/units.h"

#include <math.h>

static int refuse(struct slice text, struct err *e)
{
    return err_set(e, ERR_INVALID,
                   "\"%.*s\" is not a latency; write 0, 20ms, uniform:5ms-50ms or "
                   "lognormal:median=15ms,mean=30ms",
                   SLICE_ARG(text));
}

/* A duration of at most LATENCY_MAX_MS. */
static int parse_ms(struct slice text, double *ms, struct err *e)
{
    uint64_t value;
    int rc = units_parse(UNIT_DURATION, text, &value, e);
    if (rc)
        return rc;
    if (value > LATENCY_MAX_MS)
        return err_set(e, ERR_LIMIT, "a latency of more than 1h is not useful");
    *ms = (double)value;
    return 0;
}

static int parse_uniform(struct latency *l, struct slice text, struct slice whole, struct err *e)
{
    size_t dash = slice_find(text, '-');
    if (dash == text.len)
        return refuse(whole, e);
    int rc = parse_ms(slice_of(text.data, dash), &l->a, e);
    if (rc == 0)
        rc = parse_ms(slice_from(text, dash + 1), &l->b, e);
    if (rc == 0 && l->a > l->b)
        return err_set(e, ERR_INVALID, "the range in \"%.*s\" ends before it begins",
                       SLICE_ARG(whole));
    return rc;
}

/* ln X is normal: the median is e^mu and the mean e^(mu + sigma^2 / 2). */
static int parse_lognormal(struct latency *l, struct slice text, struct slice whole, struct err *e)
{
    const struct slice median_is = SLICE("median="), mean_is = SLICE("mean=");
    double median_ms = 0, mean_ms = 0;
    size_t comma = slice_find(text, ',');
    if (comma == text.len || !slice_starts_with(text, median_is) ||
        !slice_starts_with(slice_from(text, comma + 1), mean_is))
        return refuse(whole, e);
    int rc = parse_ms(slice_of(text.data + median_is.len, comma - median_is.len), &median_ms, e);
    if (rc == 0)
        rc = parse_ms(slice_from(text, comma + 1 + mean_is.len), &mean_ms, e);
    if (rc)
        return rc;
    if (median_ms < 1 || mean_ms < median_ms)
        return err_set(e, ERR_INVALID,
                       "in \"%.*s\" the median must be at least 1ms and the mean no less than it",
                       SLICE_ARG(whole));
    l->a = log(median_ms);
    l->b = sqrt(2 * log(mean_ms / median_ms));
    return 0;
}

int latency_parse(struct latency *l, struct slice text, struct err *e)
{
    const struct slice uniform = SLICE("uniform:"), lognormal = SLICE("lognormal:");
    *l = (struct latency){ .kind = LATENCY_FIXED };
    if (slice_eq(text, SLICE("0")))
        return 0;
    if (slice_starts_with(text, uniform)) {
        l->kind = LATENCY_UNIFORM;
        return parse_uniform(l, slice_from(text, uniform.len), text, e);
    }
    if (slice_starts_with(text, lognormal)) {
        l->kind = LATENCY_LOGNORMAL;
        return parse_lognormal(l, slice_from(text, lognormal.len), text, e);
    }
    if (text.len == 0 || text.data[0] < '0' || text.data[0] > '9')
        return refuse(text, e);
    return parse_ms(text, &l->a, e);
}

bool latency_is_zero(const struct latency *l)
{
    return l->kind != LATENCY_LOGNORMAL && l->a <= 0 && l->b <= 0;
}

/* Box and Muller's transform. */
static double draw_normal(struct random *r)
{
    double u = 1 - seed_fraction(r); /* never 0 */
    return sqrt(-2 * log(u)) * cos(2 * M_PI * seed_fraction(r));
}

/* Found under way, X has the density x f(x) / E[X]: log-normal again, with mu + sigma^2. A uniform
 * one: x / (b - a) drawn by its inverse; for a fixed one that is the value itself. */
static double draw_under_way(const struct latency *l, struct random *r)
{
    if (l->kind == LATENCY_LOGNORMAL)
        return exp(l->a + l->b * l->b + l->b * draw_normal(r));
    if (l->kind == LATENCY_UNIFORM)
        return sqrt(l->a * l->a + seed_fraction(r) * (l->b * l->b - l->a * l->a));
    return l->a;
}

uint64_t latency_draw_rest_ms(const struct latency *l, struct random *r)
{
    return (uint64_t)fmin(seed_fraction(r) * draw_under_way(l, r), LATENCY_MAX_MS);
}

uint64_t latency_draw_ms(const struct latency *l, struct random *r)
{
    switch (l->kind) {
    case LATENCY_UNIFORM:
        return (uint64_t)(l->a + floor(seed_fraction(r) * (l->b - l->a + 1)));
    case LATENCY_LOGNORMAL:
        return (uint64_t)fmin(exp(l->a + l->b * draw_normal(r)) + 0.5, LATENCY_MAX_MS);
    case LATENCY_FIXED:
        break;
    }
    return (uint64_t)l->a;
}
