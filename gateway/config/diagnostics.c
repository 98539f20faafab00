#include "config/diagnostics.h"

#include "common/mem.h"

#include <stdlib.h>

#define TEXT_BYTES_MAX (1024 * 1024)

struct diagnostic {
    size_t line, column;
    size_t order; /* keeps the sort stable */
    char *text;   /* owned */
};

void diagnostics_init(struct diagnostics *d)
{
    *d = (struct diagnostics){ 0 };
    buf_init(&d->text, TEXT_BYTES_MAX);
}

static void free_items(struct diagnostics *d)
{
    if (!d->items)
        return;
    for (size_t i = 0; i < MIN(d->count, DIAGNOSTICS_SHOWN_MAX); i++)
        mem_free(d->items[i].text);
    mem_free(d->items);
    d->items = NULL;
}

void diagnostics_fini(struct diagnostics *d)
{
    free_items(d);
    d->count = 0;
    buf_fini(&d->text);
}

void diagnostics_add(struct diagnostics *d, const char *file, size_t line, size_t column,
                     const char *key, const char *sentence)
{
    if (!d->items)
        d->items = mem_new_array(DIAGNOSTICS_SHOWN_MAX, sizeof(*d->items));
    if (d->count++ >= DIAGNOSTICS_SHOWN_MAX)
        return;
    struct buf b;
    buf_init(&b, TEXT_BYTES_MAX);
    buf_append_str(&b, file);
    if (line > 0)
        buf_printf(&b, ":%zu:%zu", line, column);
    buf_append_str(&b, ": ");
    if (key[0])
        buf_printf(&b, "%s: ", key);
    buf_append_str(&b, sentence);
    d->items[d->count - 1] = (struct diagnostic){
        .line = line, .column = column, .order = d->count, .text = mem_strndup(b.data, b.len)
    };
    buf_fini(&b);
}

static int compare_sizes(size_t a, size_t b)
{
    return a < b ? -1 : a > b;
}

static int compare(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    if (a->line != b->line)
        return compare_sizes(a->line, b->line);
    if (a->column != b->column)
        return compare_sizes(a->column, b->column);
    return compare_sizes(a->order, b->order);
}

void diagnostics_finish(struct diagnostics *d)
{
    if (!d->items)
        return;
    size_t shown = MIN(d->count, DIAGNOSTICS_SHOWN_MAX);
    qsort(d->items, shown, sizeof(*d->items), compare);
    for (size_t i = 0; i < shown; i++)
        buf_printf(&d->text, "%s\n", d->items[i].text);
    if (d->count > shown)
        buf_printf(&d->text, "and %zu more problems\n", d->count - shown);
    free_items(d);
}
