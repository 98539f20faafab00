/* What people upload: pseudo-random bytes, a block repeated as often as needed, in a fixed set of
 * sizes whose SHA-256 are known beforehand, so that no upload costs the time to hash it.
 *
 * The same seed gives the same bytes and sizes. */
#ifndef LOAD_PAYLOAD_H
#define LOAD_PAYLOAD_H

#include "bench/node/node_digest.h"
#include "common/random.h"
#include "common/slice.h"

#define PAYLOAD_BLOCK 65536
#define PAYLOAD_SIZES 24

struct payload {
    char *block; /* owned; PAYLOAD_BLOCK bytes */
    struct payload_file {
        uint64_t bytes;
        struct node_digest digest;
    } files[PAYLOAD_SIZES]; /* from bytes_min to bytes_max, each larger by the same factor */
};

/* Hashes every file: tens of milliseconds. bytes_min is at least 1. */
void payload_init(struct payload *p, uint64_t seed, uint64_t bytes_min, uint64_t bytes_max);
void payload_fini(struct payload *p);

const struct payload_file *payload_draw(const struct payload *p, struct random *r);
/* A run of the content from byte `at` on: at most `max` bytes, at least one if max is not 0. */
struct slice payload_piece(const struct payload *p, uint64_t at, uint64_t max);

#endif
