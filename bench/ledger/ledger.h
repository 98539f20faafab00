/* What the clients remember of submissions: a text file for each generator, one line an event,
 * fields separated by one space, written with one write() a batch to a descriptor opened O_APPEND:
 *
 *     sent KEY SHA256 BYTES TIME_MS       just before the first byte of the request goes out
 *     ack KEY RECEIPT TIME_MS             the answer was read in full, said 201 and gave a receipt
 *     doubt KEY TIME_MS                   the answer said that nobody knows how it ended
 *
 * KEY is the Idempotency-Key header, one for each dossier: a repeated attempt uses the key again
 * and writes `sent` again. RECEIPT is the answer's X-Receipt. SHA256 is of the request's body, 64
 * small hexadecimal digits. TIME_MS counts from the start of the scenario. The file ends with a
 * line feed, or else its writer was killed in the middle of a line. */
#ifndef BENCH_LEDGER_LEDGER_H
#define BENCH_LEDGER_LEDGER_H

#include "common/err.h"
#include "common/slice.h"

#define LEDGER_KEY_MAX 64
#define LEDGER_RECEIPT_MAX 32
#define LEDGER_SHA256_LEN 64
#define LEDGER_LINE_MAX 192 /* with its line feed */

enum ledger_event { LEDGER_SENT, LEDGER_ACK, LEDGER_DOUBT };

struct ledger_line {
    enum ledger_event event;
    struct slice key;
    struct slice sha256;  /* of LEDGER_SENT */
    uint64_t bytes;       /* of LEDGER_SENT */
    struct slice receipt; /* of LEDGER_ACK */
    uint64_t time_ms;
};

/* Writes the line with its line feed, unterminated, and returns its length. Keys and receipts
 * longer than the limits above are a mistake of the caller. */
size_t ledger_format(char out[LEDGER_LINE_MAX], const struct ledger_line *line);

/* `text` is without its line feed; the slices of `line` point into it. 0 or ERR_INVALID. */
int ledger_parse(struct slice text, struct ledger_line *line) MUST_CHECK;

#endif
