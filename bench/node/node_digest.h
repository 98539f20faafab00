/* A SHA-256 as people write it. */
#ifndef NODE_DIGEST_H
#define NODE_DIGEST_H

#include <openssl/evp.h>

#define NODE_DIGEST_LEN 64

struct node_digest {
    char hex[NODE_DIGEST_LEN + 1];
};

/* Ends what was begun with EVP_sha256(). */
void node_digest_finish(struct node_digest *digest, EVP_MD_CTX *context);
/* That of no bytes at all. */
void node_digest_empty(struct node_digest *digest);

#endif
