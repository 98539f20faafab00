#include "http/cookie.h"

/* Cuts the next pair off; whoever wrote no '=' has a cookie without a name. */
static bool next_pair(struct slice *rest, struct slice *pair, struct slice *name,
                      struct slice *value)
{
    if (rest->len == 0)
        return false;
    size_t end = slice_find(*rest, ';');
    *pair = slice_trim(slice_of(rest->data, end));
    *rest = slice_from(*rest, MIN(end + 1, rest->len));
    size_t equals = slice_find(*pair, '=');
    bool has_name = equals < pair->len;
    *name = slice_trim(slice_of(pair->data, has_name ? equals : 0));
    *value = has_name ? slice_trim(slice_from(*pair, equals + 1)) : *pair;
    return true;
}

static struct slice find_in(struct slice rest, struct slice wanted)
{
    struct slice pair, name, value;
    while (next_pair(&rest, &pair, &name, &value))
        if (slice_eq(name, wanted))
            return value;
    return (struct slice){ 0 };
}

struct slice cookie_find(const struct headers *hs, struct slice name)
{
    struct slice value = { 0 };
    for (uint32_t i = 0; i < hs->count && !value.data; i++)
        if (hs->items[i].id == HEADER_COOKIE)
            value = find_in(header_value(&hs->items[i]), name);
    return value;
}

static bool strip_from(struct header *h, struct arena *arena, struct slice unwanted)
{
    struct slice rest = header_value(h), pair, name, value;
    char *kept = arena_alloc(arena, rest.len + 2);
    size_t len = 0;
    if (!kept)
        return false;
    while (next_pair(&rest, &pair, &name, &value)) {
        if (pair.len == 0 || slice_eq(name, unwanted))
            continue;
        if (len) {
            memcpy(kept + len, "; ", 2);
            len += 2;
        }
        memcpy(kept + len, pair.data, pair.len);
        len += pair.len;
    }
    h->value = kept;
    h->value_len = (uint32_t)len;
    if (len == 0)
        h->flags |= HEADER_OURS; /* nothing is left to forward */
    return true;
}

bool cookie_strip(struct headers *hs, struct arena *arena, struct slice name)
{
    for (uint32_t i = 0; i < hs->count; i++) {
        struct header *h = &hs->items[i];
        if (h->id == HEADER_COOKIE && find_in(header_value(h), name).data &&
            !strip_from(h, arena, name))
            return false;
    }
    return true;
}

bool cookie_set(struct headers *hs, struct arena *arena, struct slice name, struct slice value)
{
    char *text = arena_printf(arena, "%.*s=%.*s; Path=/; Secure; HttpOnly; SameSite=Lax%s",
                              SLICE_ARG(name), SLICE_ARG(value), value.len ? "" : "; Max-Age=0");
    return text && headers_add(hs, arena, SLICE("Set-Cookie"), slice_str(text));
}
