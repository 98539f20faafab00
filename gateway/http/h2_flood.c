#include "http/h2_flood.h"

#include <nghttp2/nghttp2.h>

/* Smaller DATA frames are charged for, unless they are the last of their stream. */
#define SMALL_DATA_BYTES 32

static const struct {
    const char *text;
    uint32_t burst, per_second;
} kinds[] = {
#define KIND(id, name, burst, per_second) { name, burst, per_second },
    H2_FLOOD_KINDS(KIND)
#undef KIND
};

const char *h2_flood_text(enum h2_flood_kind kind)
{
    return kinds[kind].text;
}

void h2_flood_init(struct h2_flood *f)
{
    *f = (struct h2_flood){ .skip_bytes = NGHTTP2_CLIENT_MAGIC_LEN };
}

/* To the thousandth whatever the steps, so one clock does for all. */
static void run_out(struct h2_flood *f, uint32_t now_ms)
{
    uint64_t passed_ms = now_ms - f->seen_ms;
    f->seen_ms = now_ms;
    for (size_t i = 0; passed_ms && i < H2_FLOOD_KIND_COUNT; i++)
        f->levels[i] -= (uint32_t)MIN(passed_ms * kinds[i].per_second, f->levels[i]);
}

bool h2_flood_charge(struct h2_flood *f, enum h2_flood_kind kind, uint64_t now_ms)
{
    run_out(f, (uint32_t)now_ms);
    f->levels[kind] += 1000;
    return f->levels[kind] > kinds[kind].burst * 1000;
}

void h2_flood_credit(struct h2_flood *f, enum h2_flood_kind kind, uint32_t count)
{
    f->levels[kind] -= MIN(f->levels[kind], count * 1000);
}

/* What a frame is charged as; H2_FLOOD_KIND_COUNT: nothing. */
static enum h2_flood_kind kind_of(uint32_t len, uint8_t type, uint8_t flags)
{
    switch (type) {
    case NGHTTP2_HEADERS:
        return H2_FLOOD_KIND_COUNT;
    case NGHTTP2_CONTINUATION:
        return H2_FLOOD_CONTINUATION;
    case NGHTTP2_DATA:
        if (len >= SMALL_DATA_BYTES || (flags & NGHTTP2_FLAG_END_STREAM))
            return H2_FLOOD_KIND_COUNT;
        return len ? H2_FLOOD_SMALL_DATA : H2_FLOOD_EMPTY_DATA;
    case NGHTTP2_PING:
        return H2_FLOOD_PING;
    case NGHTTP2_SETTINGS:
        return H2_FLOOD_SETTINGS;
    case NGHTTP2_PRIORITY:
    case NGHTTP2_PRIORITY_UPDATE:
        return H2_FLOOD_PRIORITY;
    case NGHTTP2_WINDOW_UPDATE:
        return H2_FLOOD_WINDOW_UPDATE;
    case NGHTTP2_RST_STREAM:
        return H2_FLOOD_RST_STREAM;
    default:
        return H2_FLOOD_UNKNOWN;
    }
}

static bool charge_frame(struct h2_flood *f, uint64_t now_ms, enum h2_flood_kind *kind)
{
    const uint8_t *h = f->head;
    f->head_bytes = 0;
    f->skip_bytes = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
    if (h[3] == NGHTTP2_HEADERS) /* CONTINUATION is counted for each block by itself */
        f->levels[H2_FLOOD_CONTINUATION] = 0;
    *kind = kind_of(f->skip_bytes, h[3], h[4]);
    return *kind != H2_FLOOD_KIND_COUNT && h2_flood_charge(f, *kind, now_ms);
}

bool h2_flood_scan(struct h2_flood *f, struct slice input, uint64_t now_ms,
                   enum h2_flood_kind *kind)
{
    while (input.len) {
        size_t skip = MIN(f->skip_bytes, input.len);
        f->skip_bytes -= (uint32_t)skip;
        input = slice_from(input, skip);
        size_t len = MIN(sizeof(f->head) - f->head_bytes, input.len);
        memcpy(f->head + f->head_bytes, input.data, len);
        f->head_bytes += (uint8_t)len;
        input = slice_from(input, len);
        if (f->head_bytes == sizeof(f->head) && charge_frame(f, now_ms, kind))
            return true;
    }
    return false;
}

bool h2_flood_is_between_frames(const struct h2_flood *f)
{
    uint8_t type = f->head[3], flags = f->head[4]; /* of the last one, or of none: DATA */
    bool has_fields = type == NGHTTP2_HEADERS || type == NGHTTP2_CONTINUATION;
    return f->skip_bytes == 0 && f->head_bytes == 0 &&
           !(has_fields && !(flags & NGHTTP2_FLAG_END_HEADERS));
}
