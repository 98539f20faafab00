/* The header fields of one message, in the order in which they came (RFC 9110 5.3).
 *
 * Names and values are borrowed: from the exchange's arena for requests, from the loop's read
 * buffer for responses, where they are valid during the event. Known names carry an id, so that
 * nothing downstream compares strings. */
#ifndef HTTP_HEADERS_H
#define HTTP_HEADERS_H

#include "common/arena.h"
#include "common/slice.h"
#include "http/header_names.h"

enum header_id {
    HEADER_UNKNOWN,
#define HEADER(id, name, flags) HEADER_##id,
    HEADER_NAMES(HEADER)
#undef HEADER
};

struct header {
    const char *name, *value;
    union {
        uint32_t value_len;
        uint32_t begin; /* while a head is being read: where in it the field begins */
    };
    uint16_t name_len;
    uint8_t id;    /* enum header_id */
    uint8_t flags; /* of header_names.h */
};

struct headers {
    struct header *items; /* in the arena */
    uint32_t count, size;
};

static inline struct slice header_name(const struct header *h)
{
    return slice_of(h->name, h->name_len);
}

static inline struct slice header_value(const struct header *h)
{
    return slice_of(h->value, h->value_len);
}

/* Fills in id and flags from the name. */
void header_identify(struct header *h);

/* RFC 9110 5.1 and 5.5: the name is a token, and there are no control characters. Of heads of
 * HTTP/1.1 llhttp sees to that. */
bool header_is_clean(const struct header *h);

/* A new last element, zeroed; NULL when the arena is at its cap. */
struct header *headers_push(struct headers *hs, struct arena *arena) MUST_CHECK;
/* Appends a field. Returns false when the arena is at its cap. */
bool headers_add(struct headers *hs, struct arena *arena, struct slice name,
                 struct slice value) MUST_CHECK;
/* The first field of that id, or NULL. */
const struct header *headers_find(const struct headers *hs, enum header_id id);
/* Its value, or an empty slice with data NULL. */
struct slice headers_value(const struct headers *hs, enum header_id id);
struct slice headers_value_named(const struct headers *hs, struct slice name);
/* Removes all fields of that name. */
void headers_remove(struct headers *hs, struct slice name);
/* Does any field of that id, read as a comma-separated list, hold `token` (ASCII case ignored)? */
bool headers_list_has(const struct headers *hs, enum header_id id, struct slice token);
/* What Keep-Alive says of how long an idle connection may be used, in seconds; UINT32_MAX where it
 * does not. */
uint32_t headers_keep_alive_s(const struct headers *hs);
/* Copies all names and values to the arena. Returns false when that is at its cap. */
bool headers_keep(struct headers *hs, struct arena *arena) MUST_CHECK;
/* Marks as HEADER_HOP every field that Connection names (RFC 9110 7.6.1). */
void headers_mark_hop_by_hop(struct headers *hs);

#endif
