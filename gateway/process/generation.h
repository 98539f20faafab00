/* One configuration on its way through the processes: its number, what it says, the files behind
 * it, and the sealed copy that children load. */
#ifndef PROCESS_GENERATION_H
#define PROCESS_GENERATION_H

#include "common/buf.h"
#include "config/bundle.h"
#include "config/config.h"

struct generation {
    uint32_t number;
    struct config *config; /* owned */
    struct bundle *bundle; /* owned */
    int sealed_fd;         /* owned; the bundle as children get it */
};

/* Reads everything from disk. On failure `problems` gets a line for each thing that is wrong, and
 * `g` holds nothing. */
int generation_load(struct generation *g, const char *path, uint32_t number,
                    struct buf *problems) MUST_CHECK;
/* NULL-safe inside; `g` holds nothing after. */
void generation_fini(struct generation *g);

/* Reads the OCSP answers again. Returns 1 when one has changed: `g` has the next number then and
 * waits to be handed out. Returns 0 when nothing did, ERR_INVALID with `problems` when what is
 * there now cannot be used: `g` is as it was. */
int generation_refresh(struct generation *g, struct buf *problems) MUST_CHECK;

#endif
