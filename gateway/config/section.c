#include "config/section.h"

#include "config/setting_value.h"
#include "config/text.h"

#include <stdio.h>

static const char *indefinite(enum node_kind kind)
{
    static const char *const names[] = {
        [NODE_ABSENT] = "nothing",
        [NODE_SCALAR] = "a single value",
        [NODE_LIST] = "a list",
        [NODE_MAPPING] = "a mapping of keys to values",
    };
    return names[kind];
}

static bool check_kind(struct reader *r, struct node node, enum node_kind wanted)
{
    enum node_kind kind = reader_kind(r, node);
    if (kind == wanted)
        return true;
    if (reader_is_null(r, node))
        reader_problem(r, node, "has no value; give it one or remove the key");
    else
        reader_problem(r, node, "must be %s, not %s", indefinite(wanted), indefinite(kind));
    return false;
}

bool section_text(struct reader *r, struct node node, size_t min, size_t max, struct slice *text)
{
    if (!check_kind(r, node, NODE_SCALAR))
        return false;
    *text = reader_scalar(r, node);
    if (reader_is_null(r, node))
        reader_problem(r, node, "has no value; give it one or remove it");
    else if (text_has_control(*text))
        reader_problem(r, node, "must be one line without control characters");
    else if (text->len < min || text->len > max)
        reader_problem(r, node, "must be %zu to %zu bytes long", min, max);
    else
        return true;
    return false;
}

static size_t row_of(const struct section *section, struct slice key)
{
    size_t i = 0;
    while (i < section->count && !slice_eq(slice_str(section->rows[i].key), key))
        i++;
    return i;
}

static void report_unknown(struct reader *r, struct node key, const struct section *section)
{
    const char *known[SETTINGS_ROWS_MAX];
    char all[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < section->count; i++) {
        known[i] = section->rows[i].key;
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "", known[i]);
    }
    const char *nearest = text_nearest(reader_scalar(r, key), known, section->count);
    if (nearest)
        reader_problem(r, key, "unknown key; did you mean %s?", nearest);
    else
        reader_problem(r, key, "unknown key; here may stand: %s", all);
}

/* Finds the value of each row; reports keys that are unknown or doubled. */
static void match_keys(struct reader *r, struct node node, const struct section *section,
                       struct node values[SETTINGS_ROWS_MAX])
{
    size_t count = reader_count(r, node);
    for (size_t i = 0; i < count; i++) {
        struct node key = reader_key(r, node, i);
        size_t row = row_of(section, reader_scalar(r, key));
        if (reader_kind(r, key) != NODE_SCALAR)
            reader_problem(r, key, "a key must be a word");
        else if (row == section->count)
            report_unknown(r, key, section);
        else if (values[row].id)
            reader_problem(r, key, "is given twice; the first is on line %zu",
                           reader_line(r, values[row]));
        else
            values[row] = reader_value(r, node, i);
    }
}

static enum node_kind kind_of(const struct setting *row)
{
    if (row->type == SETTING_LIST)
        return NODE_LIST;
    return row->type == SETTING_MAPPING ? NODE_MAPPING : NODE_SCALAR;
}

static void check_part(struct reader *r, struct node value, const struct setting *row)
{
    if (check_kind(r, value, kind_of(row)) && row->allowed &&
        !setting_value_is_allowed(row, reader_count(r, value)))
        reader_problem(r, value, "has %zu entries; it may have %s", reader_count(r, value),
                       setting_value_range(row).text);
}

static void read_value(struct reader *r, struct node value, const struct setting *row, void *owner)
{
    struct err e;
    if (!check_kind(r, value, NODE_SCALAR))
        return;
    if (reader_is_null(r, value))
        reader_problem(r, value, "has no value; give it one or remove the key");
    else if (setting_value_store(r, row, reader_scalar(r, value), owner, &e))
        reader_problem(r, value, "%s", e.text);
}

static void fill_in_default(struct reader *r, const struct setting *row, void *owner)
{
    struct err e;
    if (setting_is_part(row->type) || !row->fallback || !row->fallback[0])
        return;
    int rc = setting_value_store(r, row, slice_str(row->fallback), owner, &e);
    assert(rc == 0);
    (void)rc;
}

static void report_missing(struct reader *r, struct node node, const struct setting *row)
{
    /* The mapping's place, under the missing key's name. */
    char name[256];
    snprintf(name, sizeof(name), "%s%s%s", node.name, node.name[0] ? "." : "", row->key);
    struct node missing = { node.id, name };
    reader_problem(r, missing, "is missing: %s", row->doc);
}

void section_read(struct reader *r, struct node node, const struct section *section, void *owner)
{
    struct node values[SETTINGS_ROWS_MAX] = { { 0 } };
    bool is_there = node.id && check_kind(r, node, NODE_MAPPING);
    if (is_there)
        match_keys(r, node, section, values);
    for (size_t i = 0; i < section->count; i++) {
        const struct setting *row = &section->rows[i];
        fill_in_default(r, row, owner);
        if (values[i].id && setting_is_part(row->type))
            check_part(r, values[i], row);
        else if (values[i].id)
            read_value(r, values[i], row, owner);
        else if (is_there && row->fallback && !row->fallback[0])
            report_missing(r, node, row);
    }
}

struct node section_part(struct reader *r, struct node node, const struct section *section,
                         const char *key)
{
    const struct setting *row = &section->rows[row_of(section, slice_str(key))];
    struct node part = reader_get(r, node, key);
    assert(row < section->rows + section->count);
    if (reader_kind(r, part) != kind_of(row) ||
        (row->allowed && !setting_value_is_allowed(row, reader_count(r, part))))
        return (struct node){ 0, "" };
    return part;
}
