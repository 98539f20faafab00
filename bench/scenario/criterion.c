#include "bench/scenario/criterion.h"

#include "bench/verdict/metric.h"
#include "config/text.h"
#include "config/units.h"

#include <math.h>
#include <stdlib.h>

static struct slice next_word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    size_t len = slice_find(*rest, ' ');
    struct slice word = slice_of(rest->data, len);
    *rest = slice_from(*rest, len);
    return word;
}

/* Takes `word` off the front if it stands there. */
static bool accept(struct slice *rest, struct slice word)
{
    struct slice after = *rest;
    if (!slice_eq(next_word(&after), word))
        return false;
    *rest = after;
    return true;
}

static int refuse_metric(struct slice word, struct err *e)
{
    const char *names[METRIC_COUNT];
    for (size_t i = 0; i < METRIC_COUNT; i++)
        names[i] = metric_table[i].name;
    const char *nearest = text_nearest(word, names, METRIC_COUNT);
    if (nearest)
        return err_set(e, ERR_INVALID, "there is no metric %s; did you mean %s?",
                       text_quote(word).text, nearest);
    return err_set(e, ERR_INVALID, "there is no metric %s; `cong-bench run --help` lists them",
                   text_quote(word).text);
}

static enum scenario_group find_group(struct slice word)
{
    int group = GROUP_ANY + 1;
    while (group < GROUP_COUNT &&
           !slice_eq(word, slice_str(scenario_group_name((enum scenario_group)group))))
        group++;
    return group < GROUP_COUNT ? (enum scenario_group)group : GROUP_ANY;
}

static int check_group(const struct metric *m, const struct scenario *s, struct err *e)
{
    if (!m->has_groups)
        return err_set(e, ERR_INVALID, "%s is not measured by group of users", m->name);
    if (s->testbed.provinces == 0)
        return err_set(e, ERR_INVALID, "there are groups of users only with testbed.provinces");
    return 0;
}

static int parse_class(struct scenario_criterion *c, const struct metric *m, struct slice word,
                       struct err *e)
{
    if (!m->has_classes)
        return err_set(e, ERR_INVALID, "%s is not measured by class", m->name);
    for (c->class = 0; c->class < CLASS_COUNT; c->class ++)
        if (slice_eq(word, slice_str(scenario_class_name((enum scenario_class)c->class))))
            return 0;
    return err_set(e, ERR_INVALID,
                   "%s is no class; there are read, login, submit and upload, and the groups "
                   "healthy and broken",
                   text_quote(word).text);
}

/* What follows "of". */
static int parse_subject(struct scenario_criterion *c, const struct metric *m,
                         const struct scenario *s, struct slice word, struct err *e)
{
    c->group = (int)find_group(word);
    return c->group == GROUP_ANY ? parse_class(c, m, word, e) : check_group(m, s, e);
}

static int parse_phase(struct scenario_criterion *c, const struct metric *m,
                       const struct scenario *s, struct slice word, struct err *e)
{
    if (m->is_whole_run)
        return err_set(e, ERR_INVALID, "%s is only known for the whole run", m->name);
    for (uint32_t i = 0; i < s->phase_count; i++)
        if (s->phases[i].name && slice_eq(word, slice_str(s->phases[i].name))) {
            c->phase = (int)i;
            return 0;
        }
    return err_set(e, ERR_INVALID, "there is no phase %s", text_quote(word).text);
}

/* Digits with at most one point among them, and %. */
static int parse_percent(double *value, struct slice text, struct err *e)
{
    char digits[24];
    bool is_right = text.len > 1 && text.len < sizeof(digits) && text.data[text.len - 1] == '%';
    if (is_right) {
        memcpy(digits, text.data, text.len);
        digits[text.len - 1] = '\0';
        size_t whole = strspn(digits, "0123456789");
        size_t point = digits[whole] == '.' ? 1 : 0;
        size_t rest = strspn(digits + whole + point, "0123456789");
        is_right = whole > 0 && (rest > 0 || !point) && whole + point + rest == text.len - 1;
    }
    if (!is_right)
        return err_set(e, ERR_INVALID, "%s is not a percentage; write one such as 0.05%%",
                       text_quote(text).text);
    *value = strtod(digits, NULL);
    return 0;
}

static int parse_limit(struct scenario_criterion *c, const struct metric *m, double users_scale,
                       struct slice text, struct err *e)
{
    static const enum unit units[] = {
        [METRIC_MS] = UNIT_DURATION, [METRIC_BYTES] = UNIT_SIZE, [METRIC_NUMBER] = UNIT_COUNT,
        [METRIC_USERS] = UNIT_COUNT, [METRIC_RATE] = UNIT_COUNT,
    };
    uint64_t value;
    if (m->unit == METRIC_PERCENT)
        return parse_percent(&c->limit, text, e);
    int rc = units_parse(units[m->unit], text, &value, e);
    if (rc)
        return rc;
    bool is_scaled = m->unit == METRIC_USERS || m->unit == METRIC_RATE;
    c->limit = is_scaled ? floor((double)value * users_scale) : (double)value;
    return 0;
}

static int parse_direction(struct scenario_criterion *c, struct slice *rest, struct err *e)
{
    bool is_at = accept(rest, SLICE("at"));
    c->at_least = is_at && accept(rest, SLICE("least"));
    if (c->at_least || (is_at && accept(rest, SLICE("most"))))
        return 0;
    return err_set(e, ERR_INVALID,
                   "is not \"METRIC [of CLASS] [in PHASE] at most|at least LIMIT\", such as "
                   "\"response_p99 of read in hold at most 250ms\"");
}

int criterion_parse(struct scenario_criterion *c, const struct scenario *s, double users_scale,
                    struct slice text, struct err *e)
{
    struct slice rest = text, word = next_word(&rest);
    const struct metric *m = metric_find(word);
    int rc = 0;
    if (!m)
        return refuse_metric(word, e);
    *c = (struct scenario_criterion){ .metric = m->name, .class = -1, .phase = -1 };
    if (accept(&rest, SLICE("of")))
        rc = parse_subject(c, m, s, next_word(&rest), e);
    if (rc == 0 && accept(&rest, SLICE("in")))
        rc = parse_phase(c, m, s, next_word(&rest), e);
    if (rc == 0)
        rc = parse_direction(c, &rest, e);
    return rc ? rc : parse_limit(c, m, users_scale, slice_trim(rest), e);
}
