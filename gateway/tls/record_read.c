/* Reading. The order of the checks is OpenSSL's, so that either layer answers alike. */
#include "common/mem.h"
#include "tls/record.h"
#include "tls/record_wire.h"

#define EMPTY_MAX 32    /* records without data in a row; OpenSSL's bound, as the next one */
#define CANCELED_MAX 4  /* user_canceled in a row */
#define SILENT_MAX 1024 /* key updates beyond the records that carried data */
#define STASH_MIN_BYTES 256
#define MESSAGE_HEAD_BYTES 4

/* What has come of a record. Its room grows with what comes, not with what was promised. */
struct record_stash {
    uint32_t len, size;
    uint8_t data[];
};

/* Inside: a check or a step that has found nothing wrong says RECORD_NEED_INPUT. */
#define FINE RECORD_NEED_INPUT

static enum record_event fail(struct record *r, enum record_alert alert)
{
    r->alert = (uint8_t)alert;
    return RECORD_FAILED;
}

/* ---- handshake messages ---- */

/* RFC 8446 4.6.3. What comes behind it in the same record would be under the old keys (5.1). */
static enum record_event update_keys(struct record *r, struct record_engine *e, bool is_last)
{
    uint8_t request = r->message[MESSAGE_HEAD_BYTES];
    if (!is_last)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE);
    if (r->message_bytes != RECORD_KEY_UPDATE_BYTES)
        return fail(r, RECORD_ALERT_DECODE_ERROR);
    if (request != RECORD_UPDATE_NOT_REQUESTED && request != RECORD_UPDATE_REQUESTED)
        return fail(r, RECORD_ALERT_ILLEGAL_PARAMETER);
    if (++r->silent > SILENT_MAX)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE);
    if (record_keys_update(e, r->suite, &r->read))
        return fail(r, RECORD_ALERT_INTERNAL_ERROR);
    r->update_owed = r->update_owed || request == RECORD_UPDATE_REQUESTED;
    r->message_bytes = 0;
    return FINE;
}

/* Clients may send no other message (4.6.2 would need our asking). */
static enum record_event check_message_head(struct record *r)
{
    const uint8_t *m = r->message;
    if (m[0] != RECORD_KEY_UPDATE)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE);
    if (m[1] || m[2] || m[3] > 1)
        return fail(r, RECORD_ALERT_ILLEGAL_PARAMETER);
    return FINE;
}

static struct slice take_message(struct record *r, struct slice content, size_t wanted)
{
    size_t n = MIN(content.len, wanted - r->message_bytes);
    memcpy(r->message + r->message_bytes, content.data, n);
    r->message_bytes = (uint8_t)(r->message_bytes + n);
    return slice_from(content, n);
}

static enum record_event read_handshake(struct record *r, struct record_engine *e,
                                        struct slice content)
{
    if (r->message_bytes < MESSAGE_HEAD_BYTES)
        content = take_message(r, content, MESSAGE_HEAD_BYTES);
    if (r->message_bytes < MESSAGE_HEAD_BYTES)
        return FINE;
    enum record_event event = check_message_head(r);
    if (event != FINE)
        return event;
    size_t whole = MESSAGE_HEAD_BYTES + (size_t)r->message[3];
    content = take_message(r, content, whole);
    if (r->message_bytes < whole)
        return FINE;
    return update_keys(r, e, content.len == 0);
}

/* ---- the contents of a record ---- */

static enum record_event read_alert(struct record *r, struct slice content)
{
    if (content.len != 2)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE);
    switch ((uint8_t)content.data[1]) { /* the level means nothing any more (6) */
    case RECORD_ALERT_CLOSE_NOTIFY:
        return RECORD_END;
    case RECORD_ALERT_USER_CANCELED:
        return ++r->canceled > CANCELED_MAX ? fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE) : FINE;
    default:
        return fail(r, RECORD_ALERT_NONE);
    }
}

static enum record_event read_data(struct record *r, struct slice content,
                                   struct record_plain *plain)
{
    plain->len += content.len;
    if (content.len && r->silent)
        r->silent--;
    return FINE;
}

static enum record_event check_content(struct record *r, uint8_t type, size_t len)
{
    if (type != RECORD_APPLICATION_DATA && type != RECORD_ALERT && type != RECORD_HANDSHAKE)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE);
    if (len == 0 && type != RECORD_APPLICATION_DATA)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE); /* 5.4 */
    if (len > r->plain_max)
        return fail(r, RECORD_ALERT_RECORD_OVERFLOW);
    r->empty = (uint8_t)(len ? 0 : r->empty + 1);
    if (r->empty > EMPTY_MAX)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE);
    if (r->message_bytes && type != RECORD_HANDSHAKE)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE); /* messages are not interleaved (5.1) */
    if (type != RECORD_ALERT && len)
        r->canceled = 0;
    return FINE;
}

/* TLSInnerPlaintext (5.2): content, its type, zeros. It lies where the plaintext is to go. */
static enum record_event read_inner(struct record *r, struct record_engine *e, size_t len,
                                    struct record_plain *plain)
{
    const char *inner = plain->data + plain->len;
    size_t end = len;
    while (end && inner[end - 1] == 0)
        end--;
    if (end == 0)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE); /* no type (5.4) */
    if (len > RECORD_PLAIN_MAX_BYTES + 1)
        return fail(r, RECORD_ALERT_RECORD_OVERFLOW); /* padding is no way around the limit (5.4) */
    uint8_t type = (uint8_t)inner[end - 1];
    struct slice content = slice_of(inner, end - 1);
    enum record_event event = check_content(r, type, content.len);
    if (event != FINE)
        return event;
    if (type == RECORD_APPLICATION_DATA)
        return read_data(r, content, plain);
    return type == RECORD_ALERT ? read_alert(r, content) : read_handshake(r, e, content);
}

/* ---- records ---- */

static size_t body_bytes(const uint8_t *head)
{
    return (size_t)(head[3] << 8 | head[4]);
}

/* Anything that is not encrypted is out of place by now: alerts, ClientHello, change_cipher_spec
 * (5). */
static enum record_event check_head(struct record *r, const uint8_t *head)
{
    if (head[1] != RECORD_VERSION >> 8)
        return fail(r, RECORD_ALERT_PROTOCOL_VERSION);
    if (head[0] != RECORD_APPLICATION_DATA)
        return fail(r, RECORD_ALERT_UNEXPECTED_MESSAGE);
    if (head[2] != (RECORD_VERSION & 0xff))
        return fail(r, RECORD_ALERT_DECODE_ERROR);
    if (body_bytes(head) > RECORD_BODY_MAX_BYTES)
        return fail(r, RECORD_ALERT_RECORD_OVERFLOW);
    return FINE;
}

static enum record_event open_record(struct record *r, struct record_engine *e, const uint8_t *head,
                                     struct record_plain *plain)
{
    size_t len = body_bytes(head);
    uint8_t *out = (uint8_t *)plain->data + plain->len;
    if (len <= RECORD_TAG_BYTES ||
        !record_keys_open(e, r->suite, &r->read, head, head + RECORD_HEAD_BYTES, len, out))
        return fail(r, RECORD_ALERT_BAD_RECORD_MAC);
    return read_inner(r, e, len - RECORD_TAG_BYTES, plain);
}

/* ---- records in pieces ---- */

static bool make_room(struct record *r, size_t wanted, size_t most)
{
    struct record_stash *old = r->stash;
    if (old && wanted <= old->size)
        return true;
    size_t size = MIN(MAX(2 * wanted, STASH_MIN_BYTES), most);
    struct record_stash *larger = mem_try(sizeof(*larger) + size);
    if (!larger)
        return false;
    larger->len = old ? old->len : 0;
    larger->size = (uint32_t)size;
    if (old)
        memcpy(larger->data, old->data, old->len);
    mem_free(old);
    r->stash = larger;
    return true;
}

/* Takes input until the stash has `wanted` bytes. */
static enum record_event fill(struct record *r, struct slice *input, size_t wanted)
{
    size_t have = r->stash ? r->stash->len : 0;
    size_t n = MIN(wanted - have, input->len);
    if (!make_room(r, have + n, RECORD_HEAD_BYTES + RECORD_BODY_MAX_BYTES))
        return fail(r, RECORD_ALERT_INTERNAL_ERROR);
    memcpy(r->stash->data + have, input->data, n);
    r->stash->len = (uint32_t)(have + n);
    *input = slice_from(*input, n);
    return FINE;
}

static enum record_event read_stashed(struct record *r, struct record_engine *e,
                                      struct slice *input, struct record_plain *plain)
{
    enum record_event event = FINE;
    if (!r->stash || r->stash->len < RECORD_HEAD_BYTES)
        event = fill(r, input, RECORD_HEAD_BYTES);
    if (event != FINE || r->stash->len < RECORD_HEAD_BYTES)
        return event;
    event = check_head(r, r->stash->data);
    if (event != FINE)
        return event;
    size_t whole = RECORD_HEAD_BYTES + body_bytes(r->stash->data);
    event = fill(r, input, whole);
    if (event != FINE || r->stash->len < whole)
        return event;
    event = open_record(r, e, r->stash->data, plain);
    mem_free(r->stash);
    r->stash = NULL;
    return event;
}

/* True when the input begins with a whole record, or with a head that is to be refused. */
static bool is_whole(struct slice input)
{
    const uint8_t *head = (const uint8_t *)input.data;
    return input.len >= RECORD_HEAD_BYTES && input.len - RECORD_HEAD_BYTES >= body_bytes(head);
}

static enum record_event read_whole(struct record *r, struct record_engine *e, struct slice *input,
                                    struct record_plain *plain)
{
    const uint8_t *head = (const uint8_t *)input->data;
    enum record_event event = check_head(r, head);
    if (event != FINE)
        return event;
    *input = slice_from(*input, RECORD_HEAD_BYTES + body_bytes(head));
    return open_record(r, e, head, plain);
}

enum record_event record_read(struct record *r, struct record_engine *e, struct slice *input,
                              struct record_plain *plain)
{
    enum record_event event = FINE;
    while (event == FINE && input->len) {
        if (plain->size - plain->len < RECORD_BODY_MAX_BYTES)
            return RECORD_NEED_ROOM;
        if (!r->stash && is_whole(*input))
            event = read_whole(r, e, input, plain);
        else
            event = read_stashed(r, e, input, plain);
    }
    return event;
}
