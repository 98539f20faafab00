/* A TLS 1.3 connection whose server's side exists twice: OpenSSL's, after a handshake in memory,
 * and a record layer of ours that has taken over its secrets. The client is whoever writes records
 * with the client's keys, whatever records they are. Aborts where it must not fail. */
#ifndef FAKES_FAKE_RECORDS_H
#define FAKES_FAKE_RECORDS_H

#include "fakes/fake_pki.h"
#include "tls/record.h"

#include <openssl/ssl.h>

#define FAKE_RECORDS_MAX_BYTES (192 * 1024)

/* What all connections share. */
struct fake_records_site {
    struct fake_certificate certificate;
    SSL_CTX *server, *client; /* owned */
    struct record_engine engine;
};

struct fake_records {
    struct fake_records_site *site; /* borrowed */
    SSL *server, *client;           /* owned */
    struct record ours;
    struct record_start start;
    struct record_keys forger; /* what the client protects its next record with */
};

/* What a reader made of what came. */
struct fake_verdict {
    char plain[FAKE_RECORDS_MAX_BYTES];
    size_t plain_len;
    enum record_event event; /* RECORD_NEED_INPUT: it would go on */
    enum record_alert alert; /* that it sends; with RECORD_FAILED */
    unsigned updates_asked;  /* KeyUpdates that ask for one in return; only OpenSSL's side counts */
};

void fake_records_site_init(struct fake_records_site *site);
void fake_records_site_fini(struct fake_records_site *site);

/* Shakes hands; the server then sends this many tickets. `plain_max`, if not 0, is what the client
 * asks for (512, 1024, 2048 or 4096, RFC 6066 4). */
void fake_records_init(struct fake_records *f, struct fake_records_site *site,
                       enum record_suite suite, unsigned tickets, uint16_t plain_max);
void fake_records_fini(struct fake_records *f);
/* Ours begins anew; OpenSSL's side cannot. */
void fake_records_begin_again(struct fake_records *f);

/* A client's record: content, type, zeros. Returns its bytes. */
size_t fake_records_forge(struct fake_records *f, uint8_t type, struct slice content, size_t zeros,
                          char *out);
/* A key update of the client's, after which it has new keys. */
size_t fake_records_forge_update(struct fake_records *f, uint8_t request, char *out);

/* Both sides read the bytes, which come in pieces of `step`. */
void fake_records_read(struct fake_records *f, struct slice bytes, size_t step,
                       struct fake_verdict *ours, struct fake_verdict *theirs);
/* The same, in two pieces; `theirs` may be NULL: OpenSSL does not read. */
void fake_records_read_cut(struct fake_records *f, struct slice bytes, size_t cut,
                           struct fake_verdict *ours, struct fake_verdict *theirs);

/* Both sides write the data, or say goodbye; true when they make the same bytes of it, which go to
 * `out`. */
bool fake_records_write(struct fake_records *f, struct slice data, char *out, size_t *len);
bool fake_records_shutdown(struct fake_records *f, char *out, size_t *len);

#endif
