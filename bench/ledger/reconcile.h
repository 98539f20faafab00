/* What the clients were told against what the nodes stored.
 *
 * Files are read line by line, the ledgers before the journals; memory goes by dossiers, not by
 * lines: 100 MiB at most for a million. Keys, receipts and hashes are kept as 64 bits of digest:
 * that two of a million keys are taken for each other happens in one run of thirty million. */
#ifndef BENCH_LEDGER_RECONCILE_H
#define BENCH_LEDGER_RECONCILE_H

#include "bench/measure/result.h"
#include "common/err.h"

#define RECONCILE_DOSSIERS_MAX (32u << 20)

struct reconcile;

struct reconcile *reconcile_new(void);
void reconcile_free(struct reconcile **r);

/* A client's ledger, see bench/ledger/ledger.h. A last line without its end is left out: its writer
 * was killed. Negative ERR_* with a sentence that names file and line. */
int reconcile_ledger(struct reconcile *r, const char *path, struct err *e) MUST_CHECK;
/* A node's journal, as bench/node/node_journal.c writes it. All ledgers have been read. */
int reconcile_journal(struct reconcile *r, const char *path, struct err *e) MUST_CHECK;

/* Everything has been read. What is stored under a key that no client sent is counted as stored
 * only. A dossier is lost, too, when what is stored has another receipt than the client was given:
 * nobody would find it again. */
void reconcile_count(const struct reconcile *r, struct result_ledger *out);

#endif
