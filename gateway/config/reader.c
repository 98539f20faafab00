#include "config/reader.h"

#include "common/mem.h"
#include "config/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#define NAMES_BYTES_MAX (32 * 1024 * 1024)

struct reader {
    const char *file;      /* borrowed */
    struct arena *arena;   /* borrowed; what the configuration keeps */
    struct diagnostics *d; /* borrowed */
    struct arena names;    /* what only messages need */
    yaml_document_t document;
    bool has_document;
    bool is_full; /* an arena has run out, and it has been said */
};

/* Characters are what columns count; a byte offset is all that libyaml gives for bad UTF-8. */
static void report_undecodable(struct reader *r, struct slice text, const yaml_parser_t *parser)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < MIN(parser->problem_offset, text.len); i++) {
        bool is_break = text.data[i] == '\n';
        line += is_break;
        column = is_break ? 1 : column + (((unsigned char)text.data[i] & 0xc0) != 0x80);
    }
    char sentence[128];
    snprintf(sentence, sizeof(sentence), "not valid YAML: %s", parser->problem);
    diagnostics_add(r->d, r->file, line, column, "", sentence);
}

static void report_syntax(struct reader *r, struct slice text, const yaml_parser_t *parser)
{
    if (parser->error == YAML_READER_ERROR) {
        report_undecodable(r, text, parser);
        return;
    }
    char sentence[256];
    const char *problem = parser->problem ? parser->problem : "out of memory";
    if (parser->context)
        snprintf(sentence, sizeof(sentence), "not valid YAML: %s (%s, which begins on line %zu)",
                 problem, parser->context, parser->context_mark.line + 1);
    else
        snprintf(sentence, sizeof(sentence), "not valid YAML: %s", problem);
    diagnostics_add(r->d, r->file, parser->problem_mark.line + 1, parser->problem_mark.column + 1,
                    "", sentence);
}

static void report_at(struct reader *r, const yaml_node_t *node, const char *sentence)
{
    diagnostics_add(r->d, r->file, node->start_mark.line + 1, node->start_mark.column + 1, "",
                    sentence);
}

/* Whether nothing follows the first document. */
static bool ends_here(struct reader *r, struct slice text, yaml_parser_t *parser)
{
    yaml_document_t next;
    if (!yaml_parser_load(parser, &next)) {
        report_syntax(r, text, parser);
        return false;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&next);
    if (root)
        report_at(r, root, "a second document begins here; the file must hold exactly one");
    yaml_document_delete(&next);
    return root == NULL;
}

static bool load_document(struct reader *r, struct slice text, yaml_parser_t *parser)
{
    if (!yaml_parser_load(parser, &r->document)) {
        report_syntax(r, text, parser);
        return false;
    }
    r->has_document = true;
    if (!yaml_document_get_root_node(&r->document)) {
        diagnostics_add(r->d, r->file, 1, 1, "", "the file is empty");
        return false;
    }
    return ends_here(r, text, parser);
}

/* `!include other.yaml` read as plain text would surprise whoever wrote it. */
static bool has_only_plain_tags(struct reader *r)
{
    static const char core[] = "tag:yaml.org,2002:";
    size_t before = r->d->count;
    for (const yaml_node_t *n = r->document.nodes.start; n < r->document.nodes.top; n++)
        if (n->tag && strncmp((const char *)n->tag, core, sizeof(core) - 1) != 0)
            report_at(r, n, "tags such as !name mean nothing here");
    return r->d->count == before;
}

struct reader *reader_new(const char *file, struct slice text, struct arena *arena,
                          struct diagnostics *d)
{
    yaml_parser_t parser;
    struct reader *r = mem_new(sizeof(*r));
    *r = (struct reader){ .file = file, .arena = arena, .d = d };
    arena_init(&r->names, NULL, NAMES_BYTES_MAX);
    if (!yaml_parser_initialize(&parser)) {
        diagnostics_add(d, file, 0, 0, "", "out of memory");
        reader_free(&r);
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.len);
    if (!load_document(r, text, &parser) || !has_only_plain_tags(r))
        reader_free(&r);
    yaml_parser_delete(&parser);
    return r;
}

void reader_free(struct reader **r)
{
    if (!*r)
        return;
    if ((*r)->has_document)
        yaml_document_delete(&(*r)->document);
    arena_fini(&(*r)->names);
    mem_free(*r);
    *r = NULL;
}

struct node reader_root(struct reader *r)
{
    (void)r;
    return (struct node){ .id = 1, .name = "" };
}

static const yaml_node_t *yaml_of(struct reader *r, struct node node)
{
    return node.id ? yaml_document_get_node(&r->document, node.id) : NULL;
}

enum node_kind reader_kind(struct reader *r, struct node node)
{
    const yaml_node_t *y = yaml_of(r, node);
    if (!y)
        return NODE_ABSENT;
    if (y->type == YAML_SEQUENCE_NODE)
        return NODE_LIST;
    return y->type == YAML_MAPPING_NODE ? NODE_MAPPING : NODE_SCALAR;
}

size_t reader_line(struct reader *r, struct node node)
{
    const yaml_node_t *y = yaml_of(r, node);
    return y ? y->start_mark.line + 1 : 0;
}

size_t reader_count(struct reader *r, struct node node)
{
    const yaml_node_t *y = yaml_of(r, node);
    if (y && y->type == YAML_SEQUENCE_NODE)
        return (size_t)(y->data.sequence.items.top - y->data.sequence.items.start);
    if (y && y->type == YAML_MAPPING_NODE)
        return (size_t)(y->data.mapping.pairs.top - y->data.mapping.pairs.start);
    return 0;
}

static struct slice text_of(const yaml_node_t *y)
{
    if (!y || y->type != YAML_SCALAR_NODE)
        return SLICE("");
    return slice_of((const char *)y->data.scalar.value, y->data.scalar.length);
}

struct slice reader_scalar(struct reader *r, struct node node)
{
    return text_of(yaml_of(r, node));
}

bool reader_is_null(struct reader *r, struct node node)
{
    const yaml_node_t *y = yaml_of(r, node);
    if (!y || y->type != YAML_SCALAR_NODE || y->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    return y->data.scalar.length == 0 || text_choice("~|null", text_of(y)) != TEXT_NO_CHOICE;
}

static void report_full(struct reader *r)
{
    if (!r->is_full)
        diagnostics_add(r->d, r->file, 0, 0, "", "the configuration is too large");
    r->is_full = true;
}

static const char *name_or_nothing(struct reader *r, const char *name)
{
    if (!name)
        report_full(r);
    return name ? name : "";
}

struct node reader_item(struct reader *r, struct node list, size_t index)
{
    const yaml_node_t *y = yaml_of(r, list);
    const char *name = arena_printf(&r->names, "%s[%zu]", list.name, index);
    return (struct node){ y->data.sequence.items.start[index], name_or_nothing(r, name) };
}

static struct node pair_node(struct reader *r, struct node mapping, const yaml_node_pair_t *pair,
                             int id)
{
    struct slice key = text_of(yaml_document_get_node(&r->document, pair->key));
    struct text_quote quoted = text_quote(key);
    const char *dot = mapping.name[0] ? "." : "";
    /* The quotation marks are only wanted around values. */
    const char *name = arena_printf(&r->names, "%s%s%.*s", mapping.name, dot,
                                    (int)strlen(quoted.text) - 2, quoted.text + 1);
    return (struct node){ id, name_or_nothing(r, name) };
}

struct node reader_key(struct reader *r, struct node mapping, size_t index)
{
    const yaml_node_pair_t *pair = yaml_of(r, mapping)->data.mapping.pairs.start + index;
    return pair_node(r, mapping, pair, pair->key);
}

struct node reader_value(struct reader *r, struct node mapping, size_t index)
{
    const yaml_node_pair_t *pair = yaml_of(r, mapping)->data.mapping.pairs.start + index;
    return pair_node(r, mapping, pair, pair->value);
}

struct node reader_get(struct reader *r, struct node mapping, const char *key)
{
    const yaml_node_t *y = yaml_of(r, mapping);
    if (!y || y->type != YAML_MAPPING_NODE)
        return (struct node){ 0, "" };
    const yaml_node_pair_t *pair = y->data.mapping.pairs.start;
    for (; pair < y->data.mapping.pairs.top; pair++) {
        const yaml_node_t *k = yaml_document_get_node(&r->document, pair->key);
        if (k->type == YAML_SCALAR_NODE && slice_eq(text_of(k), slice_str(key)))
            return pair_node(r, mapping, pair, pair->value);
    }
    return (struct node){ 0, "" };
}

void reader_problem(struct reader *r, struct node node, const char *fmt, ...)
{
    const yaml_node_t *y = yaml_of(r, node);
    char sentence[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, args);
    va_end(args);
    diagnostics_add(r->d, r->file, y ? y->start_mark.line + 1 : 0, y ? y->start_mark.column + 1 : 0,
                    node.name, sentence);
}

void *reader_alloc(struct reader *r, size_t count, size_t bytes)
{
    void *p = arena_zalloc(r->arena, MAX(count, 1) * bytes);
    if (!p)
        report_full(r);
    return p;
}

struct slice reader_copy(struct reader *r, struct slice s)
{
    struct slice copy = arena_copy(r->arena, s);
    if (!copy.data)
        report_full(r);
    return copy;
}

struct slice reader_resolve(struct reader *r, struct slice file)
{
    const char *slash = strrchr(r->file, '/');
    int folder_len = slash && file.data[0] != '/' ? (int)(slash + 1 - r->file) : 0;
    char *path = arena_printf(r->arena, "%.*s%.*s", folder_len, r->file, SLICE_ARG(file));
    if (!path)
        report_full(r);
    return slice_str(path);
}
