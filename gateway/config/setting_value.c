#include "config/setting_value.h"

#include "config/config_address.h"
#include "config/text.h"
#include "config/units.h"

#include <stdio.h>

static enum unit unit_of(enum setting_type type)
{
    if (type == SETTING_DURATION)
        return UNIT_DURATION;
    return type == SETTING_SIZE || type == SETTING_SIZE_OR_AUTO ? UNIT_SIZE : UNIT_COUNT;
}

static void split_range(const char *allowed, struct slice *low, struct slice *high)
{
    const char *dots = strstr(allowed, "..");
    assert(dots);
    *low = slice_of(allowed, (size_t)(dots - allowed));
    *high = slice_str(dots + 2);
}

bool setting_value_is_allowed(const struct setting *setting, uint64_t value)
{
    struct slice low, high;
    uint64_t min = 0, max = 0;
    split_range(setting->allowed, &low, &high);
    enum unit unit = unit_of(setting->type);
    int bad = units_parse(unit, low, &min, NULL) | units_parse(unit, high, &max, NULL);
    assert(!bad);
    return !bad && value >= min && value <= max;
}

struct setting_range setting_value_range(const struct setting *setting)
{
    struct slice low, high;
    struct setting_range range;
    split_range(setting->allowed, &low, &high);
    snprintf(range.text, sizeof(range.text), "%.*s to %.*s", SLICE_ARG(low), SLICE_ARG(high));
    return range;
}

static int store_number(const struct setting *s, struct slice text, void *field, struct err *e)
{
    uint64_t value;
    int rc = units_parse(unit_of(s->type), text, &value, e);
    if (rc)
        return rc;
    if (!setting_value_is_allowed(s, value))
        return err_set(e, ERR_INVALID, "%s is out of range; it may be %s", text_quote(text).text,
                       setting_value_range(s).text);
    if (s->bytes == sizeof(uint64_t)) {
        memcpy(field, &value, sizeof(value));
        return 0;
    }
    uint32_t narrow = (uint32_t)value;
    assert(s->bytes == sizeof(narrow) && narrow == value);
    memcpy(field, &narrow, sizeof(narrow));
    return 0;
}

static int store_number_or_auto(const struct setting *s, struct slice text, void *field,
                                struct err *e)
{
    if (slice_eq(text, SLICE("auto"))) {
        memset(field, 0, s->bytes);
        return 0;
    }
    if (store_number(s, text, field, NULL))
        return err_set(e, ERR_INVALID, "%s is neither auto nor a %s from %s", text_quote(text).text,
                       s->type == SETTING_SIZE_OR_AUTO ? "size" : "number",
                       setting_value_range(s).text);
    return 0;
}

static int store_bool(struct slice text, void *field, struct err *e)
{
    size_t choice = text_choice("false|true", text);
    if (choice == TEXT_NO_CHOICE)
        return err_set(e, ERR_INVALID, "%s is neither true nor false", text_quote(text).text);
    *(bool *)field = choice == 1;
    return 0;
}

static int store_choice(const struct setting *s, struct slice text, void *field, struct err *e)
{
    size_t choice = text_choice(s->allowed, text);
    if (choice == TEXT_NO_CHOICE)
        return err_set(e, ERR_INVALID, "%s is not one of %s", text_quote(text).text, s->allowed);
    uint32_t value = (uint32_t)choice;
    assert(s->bytes == sizeof(value)); /* enums are as wide as an int */
    memcpy(field, &value, sizeof(value));
    return 0;
}

/* Text is not repeated in these messages: a private key pasted in place of its file name would
 * otherwise end up on a screen or in a log. */
static int check_text(const struct setting *s, struct slice text, struct err *e)
{
    if (text_has_control(text))
        return err_set(e, ERR_INVALID, "must be one line without control characters");
    if (!setting_value_is_allowed(s, text.len))
        return err_set(e, ERR_INVALID, "must be %s bytes long", setting_value_range(s).text);
    return 0;
}

static bool is_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = ascii_lower(text.data[i]);
        bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_word && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

static int store_string(struct reader *r, const struct setting *s, struct slice text, void *field,
                        struct err *e)
{
    int rc = check_text(s, text, e);
    if (rc)
        return rc;
    if (s->type == SETTING_NAME && !is_name(text))
        return err_set(e, ERR_INVALID, "%s may only hold letters, digits, '.', '_' and '-'",
                       text_quote(text).text);
    bool is_path = s->type == SETTING_FILE || s->type == SETTING_CONTENTS ||
                   (s->type == SETTING_OUTPUT && !slice_eq(text, SLICE("stdout")));
    struct slice copy = is_path ? reader_resolve(r, text) : reader_copy(r, text);
    switch (s->type) {
    case SETTING_TEXT:
        *(struct slice *)field = copy;
        break;
    case SETTING_CONTENTS:
        ((struct config_file *)field)->path = copy.data;
        break;
    default:
        *(const char **)field = copy.data;
    }
    return 0;
}

static int store_address(struct reader *r, struct slice text, void *field, struct err *e)
{
    struct config_address address = { .len = 0 };
    int rc = config_address_parse(text, &address, e);
    if (rc)
        return rc;
    address.text = reader_copy(r, text).data;
    *(struct config_address *)field = address;
    return 0;
}

static int store_peer(struct reader *r, struct slice text, void *field, struct err *e)
{
    struct slice host;
    struct config_address address = { .len = 0 };
    int rc = config_address_parse_peer(text, &address, &host, e);
    if (rc)
        return rc;
    address.text = reader_copy(r, text).data;
    address.host = host.len ? reader_copy(r, host).data : NULL;
    *(struct config_address *)field = address;
    return 0;
}

int setting_value_store(struct reader *r, const struct setting *s, struct slice text, void *owner,
                        struct err *e)
{
    void *field = (char *)owner + s->offset;
    switch (s->type) {
    case SETTING_COUNT:
    case SETTING_DURATION:
    case SETTING_SIZE:
        return store_number(s, text, field, e);
    case SETTING_COUNT_OR_AUTO:
    case SETTING_SIZE_OR_AUTO:
        return store_number_or_auto(s, text, field, e);
    case SETTING_BOOL:
        return store_bool(text, field, e);
    case SETTING_CHOICE:
        return store_choice(s, text, field, e);
    case SETTING_ADDRESS:
        return store_address(r, text, field, e);
    case SETTING_PEER:
        return store_peer(r, text, field, e);
    default:
        return store_string(r, s, text, field, e);
    }
}
