/* A form in pieces is the form at once: the same field, the same content. Without a form in it the
 * content is what came in. */
#include "common/buf.h"
#include "http/form_reader.h"

#include <stdlib.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = {
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "multipart/form-data; boundary=--\r\n--",
    "multipart/form-data; boundary=\"abababac\"",
    "text/plain",
};

static void note(void *user, struct slice piece)
{
    buf_append_slice(user, piece);
}

static void read_form(struct form_reader *f, struct buf *content, const char *type,
                      struct slice form, size_t step)
{
    buf_init(content, 1 << 24);
    form_reader_init(f, slice_str(type), SLICE("key"), note, content);
    while (form.len) {
        size_t len = MIN(step, form.len);
        form_reader_feed(f, slice_of(form.data, len));
        form = slice_from(form, len);
    }
    form_reader_finish(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct form_reader whole, pieces;
    struct buf one, other;
    const char *type = types[data[0] % ARRAY_LEN(types)];
    struct slice form = slice_of((const char *)data + 2, size - 2);
    read_form(&whole, &one, type, form, SIZE_MAX);
    read_form(&pieces, &other, type, form, data[1] % 16 + 1u);
    REQUIRE(slice_eq(buf_slice(&one), buf_slice(&other)));
    REQUIRE(whole.found == pieces.found);
    REQUIRE(slice_eq(form_reader_value(&whole), form_reader_value(&pieces)));
    if (whole.kind != FORM_MULTIPART)
        REQUIRE(slice_eq(buf_slice(&one), form));
    buf_fini(&one);
    buf_fini(&other);
    return 0;
}
