#include "bench/load/payload.h"

#include "bench/node/seed.h"
#include "common/mem.h"

#include <math.h>

static void fill_block(struct payload *p, uint64_t seed)
{
    struct random random;
    seed_random(&random, seed);
    for (size_t i = 0; i < PAYLOAD_BLOCK; i += sizeof(uint64_t)) {
        uint64_t word = random_next(&random);
        memcpy(p->block + i, &word, sizeof(word));
    }
}

/* The files are prefixes of one content: one pass finds all digests. */
static void hash_files(struct payload *p)
{
    EVP_MD_CTX *running = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
    uint64_t at = 0;
    EVP_DigestInit_ex(running, EVP_sha256(), NULL);
    for (size_t i = 0; i < PAYLOAD_SIZES; i++) {
        while (at < p->files[i].bytes) {
            struct slice piece = payload_piece(p, at, p->files[i].bytes - at);
            EVP_DigestUpdate(running, piece.data, piece.len);
            at += piece.len;
        }
        EVP_MD_CTX_copy_ex(copy, running);
        node_digest_finish(&p->files[i].digest, copy);
    }
    EVP_MD_CTX_free(running);
    EVP_MD_CTX_free(copy);
}

void payload_init(struct payload *p, uint64_t seed, uint64_t bytes_min, uint64_t bytes_max)
{
    double ratio = bytes_max > bytes_min ? (double)bytes_max / (double)bytes_min : 1;
    p->block = mem_new(PAYLOAD_BLOCK);
    fill_block(p, seed);
    for (size_t i = 0; i < PAYLOAD_SIZES; i++) {
        double factor = pow(ratio, (double)i / (PAYLOAD_SIZES - 1));
        p->files[i].bytes = (uint64_t)((double)bytes_min * factor + 0.5);
    }
    hash_files(p);
}

void payload_fini(struct payload *p)
{
    mem_free(p->block);
    p->block = NULL;
}

const struct payload_file *payload_draw(const struct payload *p, struct random *r)
{
    return &p->files[random_below(r, PAYLOAD_SIZES)];
}

struct slice payload_piece(const struct payload *p, uint64_t at, uint64_t max)
{
    uint64_t from = at % PAYLOAD_BLOCK;
    return slice_of(p->block + from, (size_t)MIN(max, PAYLOAD_BLOCK - from));
}
