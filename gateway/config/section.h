/* The tables of settings.h at work: one mapping of the file is read into one struct.
 *
 * A section knows its keys. Reading it reports unknown keys, doubled keys, missing keys and wrong
 * values, and fills in the defaults of what is not given; what is wrong keeps its default too, so
 * that the checks which follow have something to look at. */
#ifndef CONFIG_SECTION_H
#define CONFIG_SECTION_H

#include "config/reader.h"
#include "config/settings.h"

/* An absent `node` only fills in the defaults. */
void section_read(struct reader *r, struct node node, const struct section *section, void *owner);

/* The part under `key`, or an absent node when it is not there or not what its row asks for: that
 * has been reported by section_read(). */
struct node section_part(struct reader *r, struct node node, const struct section *section,
                         const char *key);

/* A text without control characters, `min` to `max` bytes long; reports what is not. */
bool section_text(struct reader *r, struct node node, size_t min, size_t max, struct slice *text);

#endif
