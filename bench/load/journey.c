#include "bench/load/journey.h"

#include "bench/node/seed.h"

/* `percent` of the people who come here do it, `times` over; the others go on at `otherwise`. */
struct stage {
    enum scenario_step step;
    uint8_t times_min, times_max, percent, otherwise;
};

#define STAGES_MAX 8

struct table {
    struct stage stages[STAGES_MAX];
    uint8_t count, again; /* after the last stage comes `again`: who is signed in stays so */
    bool may_login, may_submit, may_decide;
};

static const struct table tables[USER_KINDS] = {
    [USER_CITIZEN] = { .stages = { { STEP_HOME, 1, 1, 100, 0 },
                                   { STEP_CATALOGUE, 1, 3, 100, 0 },
                                   { STEP_PROCEDURE, 2, 6, 100, 0 },
                                   { STEP_LOGIN, 1, 1, 30, 8 },
                                   { STEP_AUTOFILL, 1, 1, 100, 0 },
                                   { STEP_UPLOAD, 1, 5, 8, 8 },
                                   { STEP_SUBMIT, 1, 1, 100, 7 },
                                   { STEP_TRACK, 1, 1, 100, 0 } },
                       .count = 8,
                       .may_login = true,
                       .may_submit = true },
    [USER_FOLLOW_UP] = { .stages = { { STEP_HOME, 1, 1, 100, 0 },
                                     { STEP_LOGIN, 1, 1, 12, 2 },
                                     { STEP_TRACK, 2, 5, 100, 0 } },
                         .count = 3,
                         .may_login = true },
    [USER_COUNTER] = { .stages = { { STEP_LOGIN, 1, 1, 100, 1 },
                                   { STEP_PROCEDURE, 1, 2, 100, 0 },
                                   { STEP_AUTOFILL, 1, 2, 100, 0 },
                                   { STEP_UPLOAD, 1, 2, 15, 4 },
                                   { STEP_SUBMIT, 1, 1, 100, 5 },
                                   { STEP_TRACK, 1, 4, 100, 0 } },
                       .count = 6,
                       .again = 1,
                       .may_login = true,
                       .may_submit = true },
    [USER_OFFICIAL] = { .stages = { { STEP_LOGIN, 1, 1, 100, 1 },
                                    { STEP_INBOX, 1, 3, 100, 0 },
                                    { STEP_TRACK, 2, 4, 100, 0 },
                                    { STEP_DECIDE, 1, 2, 100, 4 } },
                        .count = 4,
                        .again = 1,
                        .may_login = true,
                        .may_decide = true },
    [USER_APP] = { .stages = { { STEP_QUEUE_NUMBER, 1, 1, 100, 0 } }, .count = 1 },
    [USER_UPLOADER] = { .stages = { { STEP_UPLOAD, 1, 1, 100, 0 } }, .count = 1 },
};

static bool chance(struct random *r, uint32_t percent)
{
    return seed_fraction(r) * 100 < percent;
}

/* Steps whose share the scenario sets itself do not come from the table. */
static uint32_t percent_of(const struct table *t, const struct stage *s,
                           const struct scenario_load *load)
{
    bool submits = s->step == STEP_UPLOAD || s->step == STEP_SUBMIT || s->step == STEP_DECIDE;
    bool has_share = t->may_submit || t->may_decide;
    if (s->step == STEP_LOGIN && load->login_percent)
        return 0;
    return submits && has_share && load->submit_percent ? 0 : s->percent;
}

static enum scenario_step walk(struct journey *j, const struct table *t,
                               const struct scenario_load *load, struct random *r)
{
    while (j->left == 0) {
        if (j->stage >= t->count)
            j->stage = t->again;
        const struct stage *s = &t->stages[j->stage];
        if (!chance(r, percent_of(t, s, load))) {
            j->stage = s->otherwise;
            continue;
        }
        uint32_t spread = (uint32_t)(s->times_max - s->times_min + 1);
        j->left = (uint8_t)(s->times_min + random_below(r, spread));
        j->stage++;
    }
    j->left--;
    return t->stages[j->stage - 1].step;
}

enum scenario_step journey_next(struct journey *j, enum scenario_user kind,
                                const struct scenario_load *load, struct random *r)
{
    const struct table *t = &tables[kind];
    if (j->submits_next) {
        j->submits_next = false;
        return STEP_SUBMIT;
    }
    if (t->may_login && chance(r, load->login_percent))
        return STEP_LOGIN;
    if (t->may_decide && chance(r, load->submit_percent))
        return STEP_DECIDE;
    if (t->may_submit && chance(r, load->submit_percent)) {
        j->submits_next = true;
        return STEP_UPLOAD;
    }
    return walk(j, t, load, r);
}

void journey_refuse_login(struct journey *j, const struct scenario_load *load)
{
    /* Otherwise it was not the table that led to it. */
    if (load->login_percent == 0)
        j->stage--;
}
