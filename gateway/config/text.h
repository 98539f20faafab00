/* Words of the file and of messages about it. */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include "common/slice.h"

#define TEXT_QUOTE_BYTES 48

struct text_quote {
    char text[TEXT_QUOTE_BYTES + 8]; /* room for the marks, an ellipsis and the terminator */
};

/* What the file says as a message may repeat it: shortened, without control characters, in
 * quotation marks. By value, so that it can stand among the arguments of a printf. */
struct text_quote text_quote(struct slice s);

/* The word among `count` known ones that `given` was probably meant to be, or NULL. */
const char *text_nearest(struct slice given, const char *const *known, size_t count);

#define TEXT_NO_CHOICE ((size_t)-1)
/* Position of `word`, in any case, in a list such as "off|optional|required", or TEXT_NO_CHOICE. */
size_t text_choice(const char *choices, struct slice word);

/* Control characters, which no name, path or header value may hold: U+0000 to U+001F, U+007F to
 * U+009F. */
bool text_has_control(struct slice s);

/* token of RFC 9110 5.6.2, which header names are. */
bool text_is_token(struct slice s);

#endif
