/* Which upstreams are closed for work: those that the configuration closes, and those that
 * operators close while the gateway runs. The latter are in the file `maintenance` of the runtime
 * folder, so that a restart does not open them; what both close is as the operator said.
 *
 * Nothing opens by itself: `until` is what citizens are told, and work may take longer. */
#ifndef PROCESS_MAINTENANCE_H
#define PROCESS_MAINTENANCE_H

#include "common/buf.h"
#include "config/config.h"
#include "observe/board.h"

#define MAINTENANCE_NAME_BYTES 64

struct maintenance_item {
    char name[MAINTENANCE_NAME_BYTES + 1]; /* of the upstream */
    struct closure_view view;
};

struct maintenance {
    char *path;                     /* owned: the file */
    struct maintenance_item *items; /* owned; what operators have closed */
    size_t count;
};

/* Reads the file, if there is one. Lines that are damaged are reported and left out. */
int maintenance_open(struct maintenance *m, const char *runtime_dir, struct err *e) MUST_CHECK;
/* Accepts one that was never opened, zeroed. */
void maintenance_fini(struct maintenance *m);

struct maintenance_item maintenance_item_make(struct slice name, uint64_t since_ms,
                                              uint64_t until_ms, struct slice message);
/* NULL: no operator has closed it. */
struct maintenance_item *maintenance_find(const struct maintenance *m, struct slice name);
/* Both write the file, and change nothing when it cannot be written. */
int maintenance_put(struct maintenance *m, const struct maintenance_item *item,
                    struct err *e) MUST_CHECK;
int maintenance_remove(struct maintenance *m, struct maintenance_item *item,
                       struct err *e) MUST_CHECK;

/* Tells the board, on which the names are registered already. */
void maintenance_apply(const struct maintenance *m, const struct config *config,
                       struct board *board);

/* Carries out "close\nNAME\nUNTIL\nMESSAGE", "open\nNAME" or "list", as `cong maintenance` sends
 * them; UNTIL and MESSAGE may be empty. What is to be said is appended to `out`. */
int maintenance_command(struct maintenance *m, const struct config *config, struct board *board,
                        struct slice command, struct buf *out);

#endif
