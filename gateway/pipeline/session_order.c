#include "pipeline/session_order.h"

#include "store/session_record.h"

static bool unquote(struct slice *value)
{
    if (value->len == 0 || value->data[0] != '"')
        return value->len > 0;
    if (value->len < 2 || value->data[value->len - 1] != '"')
        return false;
    *value = slice_of(value->data + 1, value->len - 2);
    return true;
}

static bool read_level(struct session_order *o, struct slice value)
{
    uint64_t level;
    if (o->has_level || !slice_to_u64(value, &level) || level > UINT8_MAX)
        return false;
    o->has_level = true;
    o->level = (uint8_t)level;
    return true;
}

static bool read_parameter(struct session_order *o, struct slice text)
{
    size_t equals = slice_find(text, '=');
    if (equals == text.len)
        return false;
    struct slice name = slice_of(text.data, equals), value = slice_from(text, equals + 1);
    if (!unquote(&value))
        return false;
    if (slice_eq_nocase(name, SLICE("level")))
        return read_level(o, value);
    if (slice_eq_nocase(name, SLICE("uid")) && !o->uid.data) {
        o->uid = value;
        return value.len > 0 && value.len <= SESSION_UID_MAX &&
               session_record_is_words(value, false);
    }
    if (slice_eq_nocase(name, SLICE("roles")) && !o->roles.data) {
        o->roles = value;
        return value.len <= SESSION_ROLES_MAX && session_record_is_words(value, true);
    }
    return false;
}

static bool read_verb(struct session_order *o, struct slice text)
{
    static const char *const verbs[] = {
        [SESSION_CREATE] = "create",
        [SESSION_ROTATE] = "rotate",
        [SESSION_REVOKE] = "revoke",
        [SESSION_REVOKE_USER] = "revoke-user",
    };
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (slice_eq_nocase(text, slice_str(verbs[i]))) {
            o->verb = (enum session_verb)i;
            return true;
        }
    }
    return false;
}

/* Each verb has what it needs, and nothing that it would pass over in silence. */
static bool is_complete(const struct session_order *o)
{
    bool describes = o->has_level || o->roles.data;
    switch (o->verb) {
    case SESSION_CREATE:
        return o->uid.data;
    case SESSION_ROTATE:
        return !o->uid.data;
    case SESSION_REVOKE:
        return !o->uid.data && !describes;
    default:
        return o->uid.data && !describes;
    }
}

bool session_order_parse(struct session_order *o, struct slice text)
{
    *o = (struct session_order){ .level = 1 };
    size_t end = slice_find(text, ';');
    if (!read_verb(o, slice_trim(slice_of(text.data, end))))
        return false;
    while (end < text.len) {
        text = slice_from(text, end + 1);
        end = slice_find(text, ';');
        if (!read_parameter(o, slice_trim(slice_of(text.data, end))))
            return false;
    }
    return is_complete(o);
}
