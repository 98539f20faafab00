/* SHA-256 of what comes in pieces; common/digest.h has the one for what is there already. */
#ifndef COMMON_DIGEST_STREAM_H
#define COMMON_DIGEST_STREAM_H

#include "common/digest.h"

struct digest_stream;

/* Aborts without memory. */
struct digest_stream *digest_stream_new(void);
void digest_stream_add(struct digest_stream *d, struct slice piece);
/* Once, at the end. */
void digest_stream_finish(struct digest_stream *d, uint8_t out[DIGEST_BYTES]);
/* NULL-safe; *d is NULL after. */
void digest_stream_free(struct digest_stream **d);

#endif
