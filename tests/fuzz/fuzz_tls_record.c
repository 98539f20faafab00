/* Whatever a client that has shaken hands sends, in whatever pieces: our record layer and OpenSSL
 * read the same plaintext, end alike and say the same alert; then both write the same bytes.
 *
 * The input is a program. Byte 0 chooses the suite and a smaller record size, byte 1 the size of
 * the pieces; then operations of one byte and their arguments: records that are what they seem,
 * and bytes of them changed on their way. */
#include "fakes/fake_records.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())
#define INPUT_MAX_BYTES 4096
#define WIRE_MAX_BYTES (64 * 1024)
#define PIECES_MAX 500
#define UPDATES_MAX 64 /* far from where we say that it is enough, and OpenSSL does not */

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake_records_site site;
static struct fake_records f;
static struct fake_verdict ours, theirs;
static char wire[FAKE_RECORDS_MAX_BYTES], filler[RECORD_BODY_MAX_BYTES];

struct program {
    const uint8_t *data;
    size_t len, at, wire_len;
    unsigned updates;
};

static uint8_t next(struct program *p)
{
    return p->at < p->len ? p->data[p->at++] : 0;
}

static struct slice next_bytes(struct program *p, size_t wanted)
{
    struct slice bytes = slice_of((const char *)p->data + p->at, MIN(wanted, p->len - p->at));
    p->at += bytes.len;
    return bytes;
}

static void forge(struct program *p, uint8_t type, struct slice content, size_t zeros)
{
    /* What is larger even without its padding is for OpenSSL to find; with it, see RECORD.md. */
    zeros = MIN(zeros, RECORD_PLAIN_MAX_BYTES - MIN(content.len, RECORD_PLAIN_MAX_BYTES));
    p->wire_len += fake_records_forge(&f, type, content, zeros, wire + p->wire_len);
}

static void change_bytes(struct program *p)
{
    size_t at = (size_t)(next(p) << 8 | next(p));
    uint8_t mask = next(p);
    if (p->wire_len)
        wire[p->wire_len - 1 - at % p->wire_len] ^= (char)mask;
}

/* Bytes from the program, as they are. */
static void add_raw(struct program *p)
{
    struct slice raw = next_bytes(p, next(p));
    memcpy(wire + p->wire_len, raw.data, raw.len);
    p->wire_len += raw.len;
}

static void step(struct program *p)
{
    uint8_t type;
    switch (next(p) % 8) {
    case 0:
        forge(p, DATA, next_bytes(p, next(p)), 0);
        break;
    case 1:
        forge(p, DATA, slice_of(filler, (size_t)next(p) * 65), next(p) * 64);
        break;
    case 2:
        if (p->updates++ < UPDATES_MAX)
            p->wire_len += fake_records_forge_update(&f, next(p) % 4, wire + p->wire_len);
        break;
    case 3:
        forge(p, HANDSHAKE, next_bytes(p, next(p) % 16), next(p) % 4);
        break;
    case 4:
        forge(p, ALERT, next_bytes(p, next(p) % 4), 0);
        break;
    case 5:
        type = next(p);
        forge(p, type, next_bytes(p, next(p)), next(p));
        break;
    case 6:
        change_bytes(p);
        break;
    default:
        add_raw(p);
        break;
    }
}

/* OpenSSL that owes an answer to a key update gives it instead of reading the next message, if all
 * of that is a head in a record of its own; it comes to it with the next record. We read at once.
 */
static bool reads_later(void)
{
    return ours.event == RECORD_FAILED && theirs.updates_asked && f.ours.message_bytes == 4;
}

/* A client that is still heard gets the same bytes from both, unless it has asked for new keys more
 * than once: OpenSSL answers each time, we once; or is in the middle of a message, behind its head:
 * OpenSSL then writes nothing. */
static void write_both(void)
{
    static char out[4 * RECORD_SEALED_MAX_BYTES];
    size_t len;
    if (ours.event == RECORD_FAILED || theirs.updates_asked > 1 || f.ours.message_bytes == 4)
        return;
    REQUIRE(fake_records_write(&f, slice_of(filler, RECORD_PLAIN_MAX_BYTES + 1), out, &len));
    REQUIRE(fake_records_shutdown(&f, out, &len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct program p = { .data = data, .len = MIN(size, INPUT_MAX_BYTES) };
    if (!site.server)
        fake_records_site_init(&site);
    uint8_t choice = next(&p), piece = next(&p);
    fake_records_init(&f, &site, choice % RECORD_SUITES, choice / 16 % 4,
                      choice % 16 == 15 ? 512 : 0);
    while (p.at < p.len && p.wire_len < WIRE_MAX_BYTES)
        step(&p);
    size_t piece_bytes = piece < 200 ? MAX(piece, p.wire_len / PIECES_MAX) : p.wire_len;
    fake_records_read(&f, slice_of(wire, p.wire_len), piece_bytes + 1, &ours, &theirs);
    REQUIRE(reads_later() || (ours.event == theirs.event && ours.alert == theirs.alert));
    REQUIRE(ours.plain_len == theirs.plain_len);
    REQUIRE(memcmp(ours.plain, theirs.plain, ours.plain_len) == 0);
    write_both();
    fake_records_fini(&f);
    return 0;
}
