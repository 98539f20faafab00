/* 64 bits that stand for a text: for keys, receipts and hashes that nobody chooses to collide. */
#ifndef BENCH_LEDGER_TEXT_DIGEST_H
#define BENCH_LEDGER_TEXT_DIGEST_H

#include "common/slice.h"

/* Never 0. */
uint64_t text_digest(struct slice text);

#endif
