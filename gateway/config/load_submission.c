/* routes[].submission: what is to be dispatched once. */
#include "config/loader.h"
#include "config/route_syntax.h"

static void check_lookup(struct loader *l, struct node node, const struct config_submission *s)
{
    struct err e;
    struct node lookup = reader_get(l->reader, node, "lookup");
    bool can_be_asked = s->backend == CONFIG_SUBMISSION_LOOKUP;
    if (can_be_asked && !lookup.id)
        reader_problem(l->reader, reader_get(l->reader, node, "backend"),
                       "needs lookup, the path to ask at");
    if (!can_be_asked && lookup.id)
        reader_problem(l->reader, lookup, "has no effect unless backend is lookup");
    if (s->lookup.data && route_syntax_path(s->lookup, &e))
        reader_problem(l->reader, lookup, "%s", e.text);
}

/* A dispatch must not be forgotten while a repeated key is still expected. */
static void check_times(struct loader *l, struct node node, const struct config_submission *s)
{
    if (s->keep_unknown_ms >= s->keep_ms)
        return;
    struct node given = reader_get(l->reader, node, "keep_unknown");
    if (!given.id)
        given = reader_get(l->reader, node, "keep");
    reader_problem(l->reader, given, "keep_unknown is to be no shorter than keep");
}

void load_submission(struct loader *l, struct node node, struct config_route *route)
{
    if (!node.id)
        return;
    struct config_submission *s = reader_alloc(l->reader, 1, sizeof(*s));
    if (!s)
        return;
    section_read(l->reader, node, &settings_submission, s);
    check_lookup(l, node, s);
    check_times(l, node, s);
    if (route->redirect_to.data)
        reader_problem(l->reader, node, "has no effect on a redirect");
    route->submission = s;
}
