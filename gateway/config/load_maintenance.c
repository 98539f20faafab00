/* upstreams[].maintenance. */
#include "common/clock.h"
#include "config/loader.h"

void load_maintenance(struct loader *l, struct node node, struct config_upstream *u)
{
    struct reader *r = l->reader;
    if (!node.id)
        return;
    u->maintenance = reader_alloc(r, 1, sizeof(*u->maintenance));
    if (!u->maintenance)
        return;
    struct config_maintenance *m = u->maintenance;
    section_read(r, node, &settings_maintenance, m);
    if (m->until.data && !clock_parse_iso(m->until, &m->until_ms))
        reader_problem(r, reader_get(r, node, "until"),
                       "must be a time such as " CLOCK_ISO_EXAMPLE);
}
