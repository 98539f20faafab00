#include "http/cookie.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_named(struct slice text, size_t at, struct slice name)
{
    return text.len - at > name.len && text.data[at + name.len] == '=' &&
           memcmp(text.data + at, name.data, name.len) == 0;
}

/* Where the pair of that name begins and ends; false when there is none. */
static bool find_pair(struct slice text, struct slice name, size_t *begin, size_t *end)
{
    for (size_t at = 0; at < text.len; at = *end + 1) {
        while (at < text.len && is_space(text.data[at]))
            at++;
        *begin = at;
        *end = at + slice_find(slice_from(text, at), ';');
        if (is_named(text, at, name))
            return true;
    }
    return false;
}

static struct slice trim_separators(struct slice s)
{
    while (s.len && (is_space(s.data[s.len - 1]) || s.data[s.len - 1] == ';'))
        s.len--;
    while (s.len && (is_space(s.data[0]) || s.data[0] == ';'))
        s = slice_from(s, 1);
    return s;
}

/* What is before and behind; the others stay as they were. */
static bool cut(struct header *h, struct arena *arena, size_t begin, size_t end)
{
    struct slice text = header_value(h);
    struct slice before = trim_separators(slice_of(text.data, begin));
    struct slice behind = trim_separators(slice_from(text, end));
    if (before.len + behind.len == 0) {
        h->value_len = 0;
        h->flags |= HEADER_OURS; /* nothing is left to forward */
        return true;
    }
    char *kept = arena_alloc(arena, before.len + behind.len + 2);
    if (!kept)
        return false;
    size_t len = before.len;
    memcpy(kept, before.data, before.len);
    if (before.len && behind.len) {
        memcpy(kept + len, "; ", 2);
        len += 2;
    }
    memcpy(kept + len, behind.data, behind.len);
    len += behind.len;
    h->value = kept;
    h->value_len = (uint32_t)len;
    return true;
}

bool cookie_take(struct headers *hs, struct arena *arena, struct slice name, struct slice *value)
{
    size_t begin, end;
    *value = (struct slice){ 0 };
    for (uint32_t i = 0; i < hs->count; i++) {
        struct header *h = &hs->items[i];
        if (h->id != HEADER_COOKIE)
            continue;
        while (find_pair(header_value(h), name, &begin, &end)) {
            size_t from = begin + name.len + 1;
            if (!value->data)
                *value = slice_trim(slice_of(h->value + from, end - from));
            if (!cut(h, arena, begin, end))
                return false;
        }
    }
    return true;
}

struct slice cookie_find(const struct headers *hs, struct slice name)
{
    size_t begin, end;
    for (uint32_t i = 0; i < hs->count; i++) {
        const struct header *h = &hs->items[i];
        if (h->id != HEADER_COOKIE || !find_pair(header_value(h), name, &begin, &end))
            continue;
        size_t from = begin + name.len + 1;
        return slice_trim(slice_of(h->value + from, end - from));
    }
    return (struct slice){ 0 };
}

static bool sets(const struct header *h, struct slice name)
{
    struct slice value = header_value(h);
    size_t at = 0;
    while (at < value.len && is_space(value.data[at]))
        at++;
    if (value.len - at < name.len || memcmp(value.data + at, name.data, name.len) != 0)
        return false;
    for (at += name.len; at < value.len && is_space(value.data[at]); at++)
        ;
    return at < value.len && value.data[at] == '=';
}

void cookie_unset(struct headers *hs, struct slice name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < hs->count; i++)
        if (hs->items[i].id != HEADER_SET_COOKIE || !sets(&hs->items[i], name))
            hs->items[kept++] = hs->items[i];
    hs->count = kept;
}

bool cookie_set(struct headers *hs, struct arena *arena, struct slice name, struct slice value)
{
    char *text = arena_printf(arena, "%.*s=%.*s; Path=/; Secure; HttpOnly; SameSite=Lax%s",
                              SLICE_ARG(name), SLICE_ARG(value), value.len ? "" : "; Max-Age=0");
    return text && headers_add(hs, arena, SLICE("Set-Cookie"), slice_str(text));
}
