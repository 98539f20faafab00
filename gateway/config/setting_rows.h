/* How rows of settings are written: for the files that hold such tables, which define OWNER as the
 * struct that a section is read into.
 *
 * VALUE(key, field, type, default, allowed, doc): read by section_read() into the section's struct.
 * PART(key, type, default, allowed, doc): only its shape is checked there; what is in it is read by
 * whoever asks for it. With NONE a field stays as it was; REQUIRED makes a missing key an error. */
#ifndef CONFIG_SETTING_ROWS_H
#define CONFIG_SETTING_ROWS_H

#include "config/settings.h"

/* clang-format off */
#define TEXT_OF(number) #number
#define UP_TO(max) ".." TEXT_OF(max)
#define NONE NULL
#define REQUIRED ""
#define VALUE(name, field, kind, otherwise, range, text)                                           \
    { .key = #name, .type = SETTING_##kind, .offset = offsetof(OWNER, field),                      \
      .bytes = sizeof(((OWNER *)0)->field), .fallback = otherwise, .allowed = range, .doc = text }
#define PART(name, kind, otherwise, range, text)                                                   \
    { .key = #name, .type = SETTING_##kind, .fallback = otherwise, .allowed = range, .doc = text }
#define SECTION(variable, rows, where)                                                             \
    const struct section variable = { where, rows, ARRAY_LEN(rows) };                              \
    _Static_assert(ARRAY_LEN(rows) <= SETTINGS_ROWS_MAX, "raise SETTINGS_ROWS_MAX")
/* clang-format on */

#endif
