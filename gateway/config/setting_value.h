/* From the text of one setting to the field of a struct. */
#ifndef CONFIG_SETTING_VALUE_H
#define CONFIG_SETTING_VALUE_H

#include "common/err.h"
#include "config/reader.h"
#include "config/settings.h"

/* Stores `text` at setting->offset of `owner`. 0, or ERR_INVALID with a sentence; the field is then
 * as it was. */
int setting_value_store(struct reader *r, const struct setting *setting, struct slice text,
                        void *owner, struct err *e) MUST_CHECK;

/* Whether `value` lies in a range such as "1s..5m". */
bool setting_value_is_allowed(const struct setting *setting, uint64_t value);

/* `allowed` as a sentence says it: "1s to 5m". */
struct setting_range {
    char text[64];
};
struct setting_range setting_value_range(const struct setting *setting);

#endif
