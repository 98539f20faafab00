/* Replies of Redis (RESP2) out of the bytes of a connection: hiredis's reader with bounds. No I/O.
 *
 * A reply that is longer, or has more elements, than any answer to us can have ends the reading, as
 * does what is no RESP: there is no way to know where the next one begins. */
#ifndef STORE_REDIS_READER_H
#define STORE_REDIS_READER_H

#include "common/base.h"
#include "common/slice.h"

struct redisReply;
struct redis_reader;

/* NULL when memory is out. */
struct redis_reader *redis_reader_new(void);
/* NULL-safe; *pointer is NULL after. */
void redis_reader_free(struct redis_reader **pointer);

/* More bytes. NULL, or a constant that says why there is no going on. */
const char *redis_reader_feed(struct redis_reader *r, struct slice bytes) MUST_CHECK;
/* The next reply, the caller's (freeReplyObject), or NULL when it is not complete. *why is set, as
 * above, when there is no going on, else NULL. */
struct redisReply *redis_reader_next(struct redis_reader *r, const char **why);

#endif
