#include "store/redis_reader.h"

#include "common/mem.h"

#include <hiredis/hiredis.h>

/* No reply to us comes near these. */
#define REPLY_MAX_BYTES (8 * 1024 * 1024)
#define REPLY_MAX_ELEMENTS 65536

struct redis_reader {
    redisReader *reader; /* owned */
    redisReplyObjectFunctions functions, defaults;
    size_t bytes, elements; /* of the reply that is being read */
};

/* Eight bytes announce as many elements as they like: all arrays of a reply share what there is. */
static void *create_array(const redisReadTask *task, int elements)
{
    struct redis_reader *r = task->privdata;
    if (elements < 0 || (size_t)elements > REPLY_MAX_ELEMENTS - r->elements)
        return NULL;
    r->elements += (size_t)elements;
    return r->defaults.createArray(task, elements);
}

struct redis_reader *redis_reader_new(void)
{
    struct redis_reader *r = mem_new(sizeof(*r));
    r->reader = redisReaderCreate();
    if (!r->reader) {
        mem_free(r);
        return NULL;
    }
    r->defaults = r->functions = *r->reader->fn;
    r->functions.createArray = create_array;
    r->reader->fn = &r->functions;
    r->reader->privdata = r;
    return r;
}

void redis_reader_free(struct redis_reader **pointer)
{
    struct redis_reader *r = *pointer;
    *pointer = NULL;
    if (!r)
        return;
    redisReaderFree(r->reader);
    mem_free(r);
}

const char *redis_reader_feed(struct redis_reader *r, struct slice bytes)
{
    r->bytes += bytes.len;
    bool is_fed = redisReaderFeed(r->reader, bytes.data, bytes.len) == REDIS_OK;
    return is_fed ? NULL : "there is no memory for its answer";
}

struct redisReply *redis_reader_next(struct redis_reader *r, const char **why)
{
    void *reply = NULL;
    *why = NULL;
    if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
        *why = "it does not speak as Redis does";
    } else if (reply) {
        r->bytes = r->reader->len - r->reader->pos;
        r->elements = 0;
    } else if (r->bytes > REPLY_MAX_BYTES) {
        *why = "its answer is too long";
    }
    return reply;
}
