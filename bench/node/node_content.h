/* The bodies that a node makes up: a block of pseudo-random bytes, repeated as often as needed. The
 * same seed gives the same bytes, so two nodes with one seed are interchangeable. */
#ifndef NODE_CONTENT_H
#define NODE_CONTENT_H

#include "bench/node/node_digest.h"
#include "common/base.h"

#define NODE_CONTENT_BLOCK 65536

struct node_content;

struct node_content *node_content_new(uint64_t seed);
void node_content_free(struct node_content **c);

/* NODE_CONTENT_BLOCK bytes each, as long as the content lives: letters and digits in lines, and
 * every kind of byte. */
const char *node_content_text(const struct node_content *c);
const char *node_content_binary(const struct node_content *c);

/* Of the first `bytes` binary bytes. The last few sizes are remembered; a new one costs the time to
 * hash it (about 0.6 s a GiB). */
void node_content_digest(struct node_content *c, uint64_t bytes, struct node_digest *digest);

#endif
