/* Writes what bench/ledger/ledger.h describes: which dossiers were sent, and which have a receipt.
 * Lines are gathered and leave when there are many, and whenever client_ledger_flush() says so. */
#ifndef LOAD_CLIENT_LEDGER_H
#define LOAD_CLIENT_LEDGER_H

#include "bench/ledger/ledger.h"
#include "common/buf.h"

struct client_ledger {
    int fd; /* owned; -1: nothing is written down */
    struct buf lines;
    bool failed; /* a line was lost: the run cannot be reconciled */
};

/* `path` NULL: nothing is written down. Negative ERR_SYSTEM with a sentence in `e`. */
int client_ledger_open(struct client_ledger *l, const char *path, struct err *e) MUST_CHECK;
void client_ledger_close(struct client_ledger *l);

void client_ledger_add(struct client_ledger *l, const struct ledger_line *line);
void client_ledger_flush(struct client_ledger *l);

#endif
