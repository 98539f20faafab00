/* response_headers: what is added to and removed from responses, inherited from the built-in rules
 * by the top level, and from there by each route. */
#include "config/loader.h"
#include "config/text.h"

#define VALUE_BYTES_MAX 4096
#define NAME_BYTES_MAX 128

/* Framing and connection management belong to the gateway (RFC 9110 7.6.1, RFC 9112 6). */
static const char *const reserved[] = {
    "Connection", "Content-Length", "Keep-Alive",        "Proxy-Connection",
    "TE",         "Trailer",        "Transfer-Encoding", "Upgrade",
};

static bool check_name(struct loader *l, struct node node, struct slice *name)
{
    if (!section_text(l->reader, node, 1, NAME_BYTES_MAX, name))
        return false;
    if (!text_is_token(*name)) {
        reader_problem(l->reader, node, "%s is not a header name", text_quote(*name).text);
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
        if (slice_eq_nocase(*name, slice_str(reserved[i]))) {
            reader_problem(l->reader, node,
                           "%s belongs to the connection and is set by the gateway", reserved[i]);
            return false;
        }
    }
    return true;
}

static void drop_added(struct header_rules *rules, struct slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < rules->add_count; i++)
        if (!slice_eq_nocase(rules->add[i].name, name))
            rules->add[kept++] = rules->add[i];
    rules->add_count = kept;
}

static void drop_removed(struct header_rules *rules, struct slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < rules->remove_count; i++)
        if (!slice_eq_nocase(rules->remove[i], name))
            rules->remove[kept++] = rules->remove[i];
    rules->remove_count = kept;
}

static void read_remove(struct loader *l, struct node list, struct header_rules *rules)
{
    size_t count = reader_count(l->reader, list);
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        if (!check_name(l, reader_item(l->reader, list, i), &name))
            continue;
        drop_added(rules, name);
        drop_removed(rules, name);
        rules->remove[rules->remove_count++] = reader_copy(l->reader, name);
    }
}

/* Whether an earlier pair of the same mapping, or an item of `remove`, names the header too. */
static bool is_named_before(struct loader *l, struct node mapping, size_t index, struct node remove,
                            struct slice name)
{
    for (size_t i = 0; i < index; i++)
        if (slice_eq_nocase(reader_scalar(l->reader, reader_key(l->reader, mapping, i)), name))
            return true;
    size_t count = reader_count(l->reader, remove);
    for (size_t i = 0; i < count; i++)
        if (slice_eq_nocase(reader_scalar(l->reader, reader_item(l->reader, remove, i)), name))
            return true;
    return false;
}

static void read_add(struct loader *l, struct node mapping, struct node remove,
                     struct header_rules *rules)
{
    size_t count = reader_count(l->reader, mapping);
    for (size_t i = 0; i < count; i++) {
        struct slice name, value;
        struct node key = reader_key(l->reader, mapping, i);
        if (!check_name(l, key, &name) ||
            !section_text(l->reader, reader_value(l->reader, mapping, i), 0, VALUE_BYTES_MAX,
                          &value))
            continue;
        if (is_named_before(l, mapping, i, remove, name)) {
            reader_problem(l->reader, key, "this header is given twice");
            continue;
        }
        drop_added(rules, name);
        drop_removed(rules, name);
        rules->add[rules->add_count++] =
            (struct config_header){ reader_copy(l->reader, name),
                                    reader_copy(l->reader, slice_trim(value)) };
    }
}

/* Room for what is inherited and what is new. */
static bool grow(struct loader *l, struct header_rules *rules, size_t more_add, size_t more_remove)
{
    struct config_header *add = reader_alloc(l->reader, rules->add_count + more_add, sizeof(*add));
    struct slice *remove =
        reader_alloc(l->reader, rules->remove_count + more_remove, sizeof(*remove));
    if (!add || !remove)
        return false;
    if (rules->add_count)
        memcpy(add, rules->add, rules->add_count * sizeof(*add));
    if (rules->remove_count)
        memcpy(remove, rules->remove, rules->remove_count * sizeof(*remove));
    rules->add = add;
    rules->remove = remove;
    return true;
}

void load_headers(struct loader *l, struct node node, const struct section *section,
                  struct header_rules *rules)
{
    section_read(l->reader, node, section, NULL);
    struct node add = section_part(l->reader, node, section, "add");
    struct node remove = section_part(l->reader, node, section, "remove");
    if (!grow(l, rules, reader_count(l->reader, add), reader_count(l->reader, remove)))
        return;
    read_remove(l, remove, rules);
    read_add(l, add, remove, rules);
}
