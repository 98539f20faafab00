#include "bench/scenario/step.h"

#include "common/base.h"

static const struct {
    const char *name;
    enum scenario_class class;
} steps[STEP_COUNT] = {
#define STEP(id, word, kind) [STEP_##id] = { #word, CLASS_##kind },
    SCENARIO_STEPS(STEP)
#undef STEP
};

const char *scenario_step_name(enum scenario_step step)
{
    return steps[step].name;
}

enum scenario_class scenario_step_class(enum scenario_step step)
{
    return steps[step].class;
}

const char *scenario_class_name(enum scenario_class class)
{
    static const char *const names[] = { "read", "login", "submit", "upload" };
    _Static_assert(ARRAY_LEN(names) == CLASS_COUNT, "every class has a name");
    return names[class];
}
