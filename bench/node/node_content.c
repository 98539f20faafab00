#include "bench/node/node_content.h"

#include "bench/node/seed.h"
#include "common/mem.h"

#include <string.h>

#define REMEMBERED 64
#define LINE_BYTES 64

struct node_content {
    char text[NODE_CONTENT_BLOCK];
    char binary[NODE_CONTENT_BLOCK];
    struct {
        uint64_t bytes; /* 0: free */
        struct node_digest digest;
    } known[REMEMBERED];
    size_t next;
};

struct node_content *node_content_new(uint64_t seed)
{
    static const char letters[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.";
    struct node_content *c = mem_new(sizeof(*c));
    struct random random;
    seed_random(&random, seed);
    for (size_t i = 0; i < NODE_CONTENT_BLOCK; i += sizeof(uint64_t)) {
        uint64_t value = random_next(&random);
        memcpy(c->binary + i, &value, sizeof(value));
    }
    for (size_t i = 0; i < NODE_CONTENT_BLOCK; i++)
        c->text[i] = i % LINE_BYTES == LINE_BYTES - 1 ? '\n' : letters[c->binary[i] & 63];
    return c;
}

void node_content_free(struct node_content **c)
{
    mem_free(*c);
    *c = NULL;
}

const char *node_content_text(const struct node_content *c)
{
    return c->text;
}

const char *node_content_binary(const struct node_content *c)
{
    return c->binary;
}

static void compute(const struct node_content *c, uint64_t bytes, struct node_digest *digest)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (uint64_t left = bytes; left;) {
        size_t piece = (size_t)MIN(left, NODE_CONTENT_BLOCK);
        EVP_DigestUpdate(context, c->binary, piece);
        left -= piece;
    }
    node_digest_finish(digest, context);
    EVP_MD_CTX_free(context);
}

void node_content_digest(struct node_content *c, uint64_t bytes, struct node_digest *digest)
{
    for (size_t i = 0; bytes && i < REMEMBERED; i++) {
        if (c->known[i].bytes == bytes) {
            *digest = c->known[i].digest;
            return;
        }
    }
    compute(c, bytes, digest);
    c->known[c->next].bytes = bytes;
    c->known[c->next].digest = *digest;
    c->next = (c->next + 1) % REMEMBERED;
}
