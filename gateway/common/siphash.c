#include "common/siphash.h"

#include <endian.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static inline void rounds(struct state *s, int count)
{
    for (int i = 0; i < count; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32) + s->v3;
        s->v2 += s->v1;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

/* Little-endian, whatever the machine is. */
static inline uint64_t word_of(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return le64toh(word);
}

static inline uint64_t last_word_of(const char *bytes, size_t count)
{
    char padded[8] = { 0 };
    if (count)
        memcpy(padded, bytes, count);
    return word_of(padded);
}

static inline void absorb(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, 2);
    s->v0 ^= word;
}

static inline uint64_t squeeze(struct state *s)
{
    rounds(s, 4);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

struct siphash siphash_of(struct siphash_key key, struct slice data)
{
    struct state s = {
        .v0 = key.k0 ^ 0x736f6d6570736575ull,
        .v1 = key.k1 ^ 0x646f72616e646f6dull ^ 0xee, /* 0xee: 128 bits of output */
        .v2 = key.k0 ^ 0x6c7967656e657261ull,
        .v3 = key.k1 ^ 0x7465646279746573ull,
    };
    size_t at = 0;
    for (; data.len - at >= 8; at += 8)
        absorb(&s, word_of(data.data + at));
    absorb(&s, last_word_of(data.data + at, data.len - at) | (uint64_t)data.len << 56);
    struct siphash hash;
    s.v2 ^= 0xee;
    hash.low = squeeze(&s);
    s.v1 ^= 0xdd;
    hash.high = squeeze(&s);
    return hash;
}
