/* The dossiers that a node has stored: a set of receipts in memory, and a file of one JSON line for
 * each, written with a single write() to a descriptor opened O_APPEND before the receipt is given
 * out. A node that starts again knows what its journal holds.
 *
 * A `unique` journal keeps one dossier for each idempotency key, as a database with a unique
 * constraint would, and may be one file for several nodes: it is locked while a dossier is looked
 * up and added, and what the others have appended is read first. */
#ifndef NODE_JOURNAL_H
#define NODE_JOURNAL_H

#include "common/err.h"
#include "common/slice.h"

#define NODE_RECEIPT_LEN 12 /* Crockford base32, 60 random bits */

struct node_receipt {
    char text[NODE_RECEIPT_LEN + 1];
    bool is_repeated; /* of an earlier dossier under the same key */
};

struct node_dossier {
    struct slice idempotency_key, ref; /* data NULL: the request had none */
    uint64_t bytes;
    const char *sha256;
    const char *node;
};

struct node_journal;

/* `path` NULL: in memory only. NULL with a sentence in `e` when the file cannot be used. */
struct node_journal *node_journal_open(const char *path, bool unique, struct err *e) MUST_CHECK;
void node_journal_close(struct node_journal **j);

/* Stores a dossier under a new receipt. Negative ERR_*: nothing is stored (a log line says why). */
int node_journal_add(struct node_journal *j, const struct node_dossier *d,
                     struct node_receipt *receipt) MUST_CHECK;

/* A line that a dossier under `key` has come, whatever becomes of it: so that what a node that is
 * killed had been sent can be told. */
void node_journal_note_arrival(struct node_journal *j, struct slice key, const char *node);

/* A fault: the next dossier gets its receipt, but no line in the file. */
void node_journal_lose_next(struct node_journal *j);

bool node_journal_has(const struct node_journal *j, struct slice receipt);
/* Of a unique journal: the receipt under this key, if there is one. */
bool node_journal_find(struct node_journal *j, struct slice key, struct node_receipt *receipt);

#endif
