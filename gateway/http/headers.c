#include "http/headers.h"

void header_identify(struct header *h)
{
    static const struct {
        const char *name;
        uint8_t len, id, flags;
    } known[] = {
#define HEADER(id, name, flags) { name, sizeof(name) - 1, HEADER_##id, flags },
        HEADER_NAMES(HEADER)
#undef HEADER
    };
    char first = h->name_len ? ascii_lower(h->name[0]) : '\0';
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i].len != h->name_len || known[i].name[0] != first)
            continue;
        if (slice_eq_nocase(header_name(h), slice_of(known[i].name, known[i].len))) {
            h->id = known[i].id;
            h->flags = known[i].flags;
            return;
        }
    }
    struct slice prefix = SLICE(HEADER_PREFIX_OURS);
    bool ours = first == 'x' && h->name_len > prefix.len &&
                slice_eq_nocase(slice_of(h->name, prefix.len), prefix);
    h->id = HEADER_UNKNOWN;
    h->flags = ours ? HEADER_OURS | HEADER_NO_TRAILER : 0;
}

bool header_is_clean(const struct header *h)
{
    static const char separators[] = "\"(),/:;<=>?@[\\]{}";
    for (uint16_t i = 0; i < h->name_len; i++)
        if (h->name[i] <= ' ' || h->name[i] >= 0x7f || strchr(separators, h->name[i]))
            return false;
    for (uint32_t i = 0; i < h->value_len; i++)
        if ((unsigned char)h->value[i] < ' ' && h->value[i] != '\t')
            return false;
    return !memchr(h->value, 0x7f, h->value_len);
}

struct header *headers_push(struct headers *hs, struct arena *arena)
{
    if (hs->count == hs->size) {
        uint32_t size = hs->size ? hs->size * 2 : 24;
        struct header *grown = arena_alloc(arena, size * sizeof(*grown));
        if (!grown)
            return NULL;
        if (hs->count)
            memcpy(grown, hs->items, hs->count * sizeof(*grown));
        hs->items = grown;
        hs->size = size;
    }
    struct header *h = &hs->items[hs->count++];
    *h = (struct header){ 0 };
    return h;
}

bool headers_add(struct headers *hs, struct arena *arena, struct slice name, struct slice value)
{
    struct header *h = headers_push(hs, arena);
    if (!h)
        return false;
    h->name = name.data;
    h->name_len = (uint16_t)name.len;
    h->value = value.data;
    h->value_len = (uint32_t)value.len;
    header_identify(h);
    return true;
}

const struct header *headers_find(const struct headers *hs, enum header_id id)
{
    for (uint32_t i = 0; i < hs->count; i++)
        if (hs->items[i].id == id)
            return &hs->items[i];
    return NULL;
}

struct slice headers_value(const struct headers *hs, enum header_id id)
{
    const struct header *h = headers_find(hs, id);
    return h ? header_value(h) : (struct slice){ 0 };
}

struct slice headers_value_named(const struct headers *hs, struct slice name)
{
    for (uint32_t i = 0; i < hs->count; i++)
        if (slice_eq_nocase(header_name(&hs->items[i]), name))
            return header_value(&hs->items[i]);
    return (struct slice){ 0 };
}

void headers_remove(struct headers *hs, struct slice name)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < hs->count; i++)
        if (!slice_eq_nocase(header_name(&hs->items[i]), name))
            hs->items[kept++] = hs->items[i];
    hs->count = kept;
}

bool headers_list_has(const struct headers *hs, enum header_id id, struct slice token)
{
    for (uint32_t i = 0; i < hs->count; i++) {
        if (hs->items[i].id != id)
            continue;
        struct slice rest = header_value(&hs->items[i]), element;
        while (slice_next_element(&rest, &element))
            if (slice_eq_nocase(element, token))
                return true;
    }
    return false;
}

/* The seconds of "timeout=5"; UINT32_MAX for what is something else. */
static uint32_t timeout_of(struct slice parameter)
{
    uint64_t seconds;
    size_t equals = slice_find(parameter, '=');
    if (equals == parameter.len ||
        !slice_eq_nocase(slice_of(parameter.data, equals), SLICE("timeout")))
        return UINT32_MAX;
    if (!slice_to_u64(slice_from(parameter, equals + 1), &seconds))
        return UINT32_MAX;
    return (uint32_t)MIN(seconds, UINT32_MAX);
}

uint32_t headers_keep_alive_s(const struct headers *hs)
{
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 0; i < hs->count; i++) {
        if (hs->items[i].id != HEADER_KEEP_ALIVE)
            continue;
        struct slice rest = header_value(&hs->items[i]), element;
        while (slice_next_element(&rest, &element))
            least = MIN(least, timeout_of(element));
    }
    return least;
}

static void mark(struct headers *hs, struct slice name)
{
    for (uint32_t i = 0; i < hs->count; i++)
        if (slice_eq_nocase(header_name(&hs->items[i]), name))
            hs->items[i].flags |= HEADER_HOP;
}

void headers_mark_hop_by_hop(struct headers *hs)
{
    for (uint32_t i = 0; i < hs->count; i++) {
        if (hs->items[i].id != HEADER_CONNECTION)
            continue;
        struct slice rest = header_value(&hs->items[i]), element;
        while (slice_next_element(&rest, &element)) {
            /* The usual ones name no field; framing fields are not the peer's to remove. */
            if (element.len == 0 || slice_eq_nocase(element, SLICE("keep-alive")) ||
                slice_eq_nocase(element, SLICE("close")) ||
                slice_eq_nocase(element, SLICE("host")) ||
                slice_eq_nocase(element, SLICE("content-length")))
                continue;
            mark(hs, element);
        }
    }
}

bool headers_keep(struct headers *hs, struct arena *arena)
{
    for (uint32_t i = 0; i < hs->count; i++) {
        struct header *h = &hs->items[i];
        h->name = arena_copy(arena, header_name(h)).data;
        h->value = arena_copy(arena, header_value(h)).data;
        if (!h->name || !h->value)
            return false;
    }
    return true;
}
