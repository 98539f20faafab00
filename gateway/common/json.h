/* JSON output (RFC 8259) into a buf. Commas are put where they belong; nesting up to 32. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/buf.h"

struct json {
    struct buf *out;    /* borrowed */
    uint32_t has_items; /* one bit a level */
    uint32_t depth;
};

void json_init(struct json *j, struct buf *out);

/* A key goes before each member of an object; pass NULL in arrays and at the top. */
void json_object(struct json *j, const char *key);
void json_end_object(struct json *j);
void json_array(struct json *j, const char *key);
void json_end_array(struct json *j);
void json_string(struct json *j, const char *key, struct slice value);
void json_u64(struct json *j, const char *key, uint64_t value);
void json_double(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);

/* Appends `s` escaped and without quotes. Bytes that are not UTF-8 become U+FFFD, so that a
 * line stays valid JSON whatever a client sent. */
void json_escape(struct buf *out, struct slice s);

#endif
