/* Reads a form on its way (application/x-www-form-urlencoded, or multipart/form-data of RFC 7578):
 * finds the value of one field, and hands on the content without the boundary between its parts,
 * which browsers choose anew each time that they send the same form. Sans I/O.
 *
 * What is not well-formed is not refused here, it is the backend's affair; the field is then not
 * found, or not the way a sloppy reader would. A field that comes twice counts as not found. */
#ifndef HTTP_FORM_READER_H
#define HTTP_FORM_READER_H

#include "common/base.h"
#include "common/slice.h"

#define FORM_VALUE_MAX 128     /* of the field */
#define FORM_BOUNDARY_MAX 70   /* RFC 2046 5.1.1 */
#define FORM_PART_HEAD_MAX 512 /* of a part's fields: names in longer ones are not seen */

enum form_kind { FORM_NONE, FORM_URLENCODED, FORM_MULTIPART };

typedef void (*form_content_fn)(void *user, struct slice content);

struct form_reader {
    enum form_kind kind;
    struct slice field; /* borrowed; empty: none is looked for */
    form_content_fn on_content;
    void *user;

    uint8_t state;
    bool is_field; /* what is being read is the field's value */
    uint8_t found; /* how often it came; 2: or more */
    bool too_long;
    size_t name_at; /* of a name so far */
    size_t value_len;
    char value[FORM_VALUE_MAX];

    char delimiter[FORM_BOUNDARY_MAX + 4]; /* CRLF "--" boundary */
    uint8_t fallback[FORM_BOUNDARY_MAX + 4];
    size_t delimiter_len, matched;
    size_t head_len;
    char head[FORM_PART_HEAD_MAX];
};

/* Anything that is no form has kind FORM_NONE: its content is handed on as it is. */
void form_reader_init(struct form_reader *f, struct slice content_type, struct slice field,
                      form_content_fn on_content, void *user);
void form_reader_feed(struct form_reader *f, struct slice piece);
void form_reader_finish(struct form_reader *f);
/* The field's value, after the end; data NULL when it was not there just once, or is too long. */
struct slice form_reader_value(const struct form_reader *f);

#endif
