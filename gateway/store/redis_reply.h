/* Reading replies of Redis without trust in their shape: what is not there, or is of another type,
 * gives nothing. All accept NULL. */
#ifndef STORE_REDIS_REPLY_H
#define STORE_REDIS_REPLY_H

#include "common/slice.h"

#include <hiredis/hiredis.h>

static inline bool redis_reply_is_error(const struct redisReply *r)
{
    return r && r->type == REDIS_REPLY_ERROR;
}

static inline bool redis_reply_is_nil(const struct redisReply *r)
{
    return r && r->type == REDIS_REPLY_NIL;
}

/* A string, a status, or an error's text; data NULL when it is none of these. */
static inline struct slice redis_reply_text(const struct redisReply *r)
{
    bool is_text = r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS ||
                         r->type == REDIS_REPLY_ERROR);
    return is_text ? slice_of(r->str, r->len) : slice_of(NULL, 0);
}

static inline bool redis_reply_is_status(const struct redisReply *r, struct slice status)
{
    return r && r->type == REDIS_REPLY_STATUS && slice_eq(redis_reply_text(r), status);
}

/* The error begins with this word. */
static inline bool redis_reply_is_error_of(const struct redisReply *r, struct slice word)
{
    struct slice text = redis_reply_text(r);
    return redis_reply_is_error(r) && slice_starts_with(text, word) &&
           (text.len == word.len || text.data[word.len] == ' ');
}

/* An integer, as number or in decimal digits (scripts return large ones so). */
bool redis_reply_integer(const struct redisReply *r, int64_t *value);

/* How many elements; 0 when it is no array. */
static inline size_t redis_reply_count(const struct redisReply *r)
{
    return r && r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
}

/* NULL when there is none. */
static inline const struct redisReply *redis_reply_at(const struct redisReply *r, size_t index)
{
    return index < redis_reply_count(r) ? r->element[index] : NULL;
}

#endif
