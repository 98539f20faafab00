/* A YAML document as a tree of nodes that know where they stand and what they are called.
 *
 * libyaml's document API builds the tree; nothing is interpreted: `yes`, `010` and `1e3` are text
 * until a setting says otherwise. Anchors and aliases work; an alias is read again wherever it is
 * used, so that every list must be bounded by who reads it. A problem is recorded with file, line,
 * column and the full name of the key ("routes[3].timeouts.response"), and reading goes on.
 *
 * Strings that outlive the reader are copied into the arena given at construction. Nodes are plain
 * values, valid until reader_free(). */
#ifndef CONFIG_READER_H
#define CONFIG_READER_H

#include "common/arena.h"
#include "common/err.h"
#include "config/diagnostics.h"

struct reader;

struct node {
    int id;           /* 0: there is no such node */
    const char *name; /* full name, shortened where the file's own keys are part of it */
};

enum node_kind { NODE_ABSENT, NODE_SCALAR, NODE_LIST, NODE_MAPPING };

/* NULL, with the reason in `d`, when `text` is not exactly one YAML document. Borrows everything
 * given, `text` only during the call. */
struct reader *reader_new(const char *file, struct slice text, struct arena *arena,
                          struct diagnostics *d) MUST_CHECK;
void reader_free(struct reader **r);

struct node reader_root(struct reader *r);
enum node_kind reader_kind(struct reader *r, struct node node);
/* Line of the file, from 1. */
size_t reader_line(struct reader *r, struct node node);
/* Items of a list, pairs of a mapping, 0 for anything else. */
size_t reader_count(struct reader *r, struct node node);
struct node reader_item(struct reader *r, struct node list, size_t index);
/* Key and value of a pair share the name "mapping.key", but each has its own place in the file. */
struct node reader_key(struct reader *r, struct node mapping, size_t index);
struct node reader_value(struct reader *r, struct node mapping, size_t index);
/* The first value under `key`; an absent node when there is none or `mapping` is no mapping. */
struct node reader_get(struct reader *r, struct node mapping, const char *key);
/* Whether a key has been left without a value: nothing, ~ or null. */
bool reader_is_null(struct reader *r, struct node node);
/* The text of a scalar; empty for anything else. */
struct slice reader_scalar(struct reader *r, struct node node);

/* Records "file:line:col: name: sentence". */
void reader_problem(struct reader *r, struct node node, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Zeroed memory and terminated copies in the arena. NULL when the configuration has become too
 * large for it, which is recorded as a problem once. */
void *reader_alloc(struct reader *r, size_t count, size_t bytes) MUST_CHECK;
struct slice reader_copy(struct reader *r, struct slice s) MUST_CHECK;
/* `file` as seen from the folder of the YAML file; an absolute name stays as it is. */
struct slice reader_resolve(struct reader *r, struct slice file) MUST_CHECK;

#endif
