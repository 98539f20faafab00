/* The problems found in one configuration file: all of them, one line each, in the order of the
 * file: "portal.yaml:4:13: listeners[0].tls.certificates[0].key: cannot read ...". */
#ifndef CONFIG_DIAGNOSTICS_H
#define CONFIG_DIAGNOSTICS_H

#include "common/buf.h"

#define DIAGNOSTICS_SHOWN_MAX 100

struct diagnostic;

struct diagnostics {
    struct buf text; /* owned; one line a problem, complete after diagnostics_finish() */
    size_t count;    /* of all problems, those beyond the first DIAGNOSTICS_SHOWN_MAX too */
    struct diagnostic *items; /* owned */
};

void diagnostics_init(struct diagnostics *d);
void diagnostics_fini(struct diagnostics *d);

/* `line` and `column` count from 1; line 0 leaves both out. `key` may be empty. All are copied. */
void diagnostics_add(struct diagnostics *d, const char *file, size_t line, size_t column,
                     const char *key, const char *sentence);
/* Sorts and writes `text`. */
void diagnostics_finish(struct diagnostics *d);

#endif
