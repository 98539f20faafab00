/* How much of what costs a client nothing an HTTP/2 connection may ask of us: a leaky bucket for
 * each kind of it. Honest clients stay far below; who overflows one is sent away with
 * ENHANCE_YOUR_CALM (RFC 9113 10.5).
 *
 * A stream that ends before its answer is charged whoever reset it, for its backend may still be at
 * work: the client itself (CVE-2023-44487), or we because the client broke a rule (CVE-2025-8671).
 * So the bucket, and not the limit of concurrent streams, bounds what backends are given to do for
 * nobody. */
#ifndef HTTP_H2_FLOOD_H
#define HTTP_H2_FLOOD_H

#include "common/slice.h"

/* KIND(id, name, burst, per_second): overflows above `burst`, runs out by `per_second`. */
#define H2_FLOOD_KINDS(KIND)                                                                       \
    KIND(RESET, "streams reset before their answer", 200, 20)                                      \
    KIND(PING, "PING frames", 100, 10)                                                             \
    KIND(SETTINGS, "SETTINGS frames", 20, 1)                                                       \
    KIND(PRIORITY, "priority frames", 400, 50)                                                     \
    KIND(WINDOW_UPDATE, "WINDOW_UPDATE frames", 4000, 1000)                                        \
    KIND(EMPTY_DATA, "empty DATA frames", 20, 1)                                                   \
    KIND(SMALL_DATA, "tiny DATA frames", 4000, 400)                                                \
    KIND(UNKNOWN, "frames of unknown type", 100, 10)                                               \
    KIND(RST_STREAM, "RST_STREAM frames", 1000, 100)                                               \
    KIND(ENDED, "header blocks for streams that have ended", 100, 10)                              \
    KIND(CONTINUATION, "CONTINUATION frames in one header block", 8, 0)                            \
    KIND(FIELDS, "header fields in one block", 0, 0)                                               \
    KIND(OUTPUT, "frames that the client does not take", 0, 0)

enum h2_flood_kind {
#define KIND(id, name, burst, per_second) H2_FLOOD_##id,
    H2_FLOOD_KINDS(KIND) H2_FLOOD_KIND_COUNT
#undef KIND
};

struct h2_flood {
    uint8_t head[9];     /* of the frame that is beginning */
    uint8_t head_bytes;  /* of it, so many have come */
    uint32_t skip_bytes; /* to the next one */
    uint32_t seen_ms; /* when the levels were these; wraps around, like the clock that it is of */
    uint32_t levels[H2_FLOOD_KIND_COUNT]; /* in thousandths */
};

/* A connection begins: the client's preface comes before the first frame. */
void h2_flood_init(struct h2_flood *f);

const char *h2_flood_text(enum h2_flood_kind kind);

/* One more of `kind`. True when that is too many. */
bool h2_flood_charge(struct h2_flood *f, enum h2_flood_kind kind, uint64_t now_ms) MUST_CHECK;
/* Charges for every frame that begins in `input`, the ones that nghttp2 would ignore included. True
 * when there were too many, of *kind. */
bool h2_flood_scan(struct h2_flood *f, struct slice input, uint64_t now_ms,
                   enum h2_flood_kind *kind) MUST_CHECK;
/* What is scanned ends where a frame does, and no header block is open. */
bool h2_flood_is_between_frames(const struct h2_flood *f);
/* `count` of a kind are paid for by work that we did. */
void h2_flood_credit(struct h2_flood *f, enum h2_flood_kind kind, uint32_t count);

#endif
