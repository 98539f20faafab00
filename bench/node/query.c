#include "bench/node/query.h"

bool query_next(struct slice *rest, struct slice *name, struct slice *value)
{
    while (rest->len && rest->data[0] == '&')
        *rest = slice_from(*rest, 1);
    if (rest->len == 0)
        return false;
    struct slice pair = slice_of(rest->data, slice_find(*rest, '&'));
    *rest = slice_from(*rest, pair.len);
    size_t equals = slice_find(pair, '=');
    *name = slice_of(pair.data, equals);
    *value = equals == pair.len ? slice_of(pair.data + pair.len, 0) : slice_from(pair, equals + 1);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void query_decode(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        int high = text.data[i] == '%' && i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        if (low < 0) {
            buf_append_char(out, text.data[i]);
            continue;
        }
        buf_append_char(out, (char)(high * 16 + low));
        i += 2;
    }
}
