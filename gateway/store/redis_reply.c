#include "store/redis_reply.h"

bool redis_reply_integer(const struct redisReply *r, int64_t *value)
{
    if (r && r->type == REDIS_REPLY_INTEGER) {
        *value = r->integer;
        return true;
    }
    struct slice text = r && r->type == REDIS_REPLY_STRING ? redis_reply_text(r) : SLICE("");
    bool is_negative = text.len > 0 && text.data[0] == '-';
    uint64_t digits;
    if (!slice_to_u64(is_negative ? slice_from(text, 1) : text, &digits) || digits > INT64_MAX)
        return false;
    *value = is_negative ? -(int64_t)digits : (int64_t)digits;
    return true;
}
