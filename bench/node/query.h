/* The query of a request target, read without copying: "a=1&b=%20x". */
#ifndef NODE_QUERY_H
#define NODE_QUERY_H

#include "common/buf.h"
#include "common/slice.h"

/* Cuts the next parameter off `rest`; a parameter without "=" has an empty value. Returns false
 * when nothing is left. */
bool query_next(struct slice *rest, struct slice *name, struct slice *value);

/* Appends `text` with its %XX undone; "+" stays a plus. A "%" that no two hexadecimal digits follow
 * stays as it is. */
void query_decode(struct slice text, struct buf *out);

#endif
