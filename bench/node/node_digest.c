#include "bench/node/node_digest.h"

#include <stddef.h>

static void write_hex(struct node_digest *digest, const unsigned char *raw)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < NODE_DIGEST_LEN / 2; i++) {
        digest->hex[i * 2] = digits[raw[i] >> 4];
        digest->hex[i * 2 + 1] = digits[raw[i] & 15];
    }
    digest->hex[NODE_DIGEST_LEN] = '\0';
}

void node_digest_finish(struct node_digest *digest, EVP_MD_CTX *context)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(context, raw, NULL);
    write_hex(digest, raw);
}

void node_digest_empty(struct node_digest *digest)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    EVP_Digest("", 0, raw, NULL, EVP_sha256(), NULL);
    write_hex(digest, raw);
}
