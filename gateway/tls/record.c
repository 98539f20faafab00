/* Beginning, end, and writing. */
#include "tls/record.h"

#include "common/err.h"
#include "common/mem.h"
#include "tls/record_wire.h"

enum { WARNING = 1, FATAL = 2 }; /* RFC 8446 6 */

int record_init(struct record *r, struct record_engine *e, const struct record_start *start)
{
    size_t n = record_suite_secret_bytes(start->suite);
    *r = (struct record){ .suite = (uint8_t)start->suite, .plain_max = start->plain_max };
    memcpy(r->read.secret, start->client_secret, n);
    memcpy(r->write.secret, start->server_secret, n);
    int rc = record_keys_derive(e, start->suite, &r->read);
    if (!rc)
        rc = record_keys_derive(e, start->suite, &r->write);
    r->write.sequence = start->server_sequence;
    if (rc)
        record_fini(r, e);
    return rc;
}

void record_fini(struct record *r, struct record_engine *e)
{
    record_keys_wipe(e, r->suite, &r->read);
    record_keys_wipe(e, r->suite, &r->write);
    mem_free(r->stash);
    mem_wipe(r, sizeof(*r));
}

/* TLSCiphertext (RFC 8446 5.2), without padding. */
static size_t seal(struct record *r, struct record_engine *e, enum record_type type,
                   struct slice content, uint8_t *out)
{
    size_t body = content.len + 1 + RECORD_TAG_BYTES;
    out[0] = RECORD_APPLICATION_DATA;
    out[1] = RECORD_VERSION >> 8;
    out[2] = RECORD_VERSION & 0xff;
    out[3] = (uint8_t)(body >> 8);
    out[4] = (uint8_t)body;
    int rc = record_keys_seal(e, r->suite, &r->write, out, content.data, content.len, (uint8_t)type,
                              out + RECORD_HEAD_BYTES);
    return rc ? 0 : RECORD_HEAD_BYTES + body;
}

/* The last record under the old keys. We never ask for an update in return: how long the peer's
 * keys last is the peer's business (5.5). */
static size_t seal_key_update(struct record *r, struct record_engine *e, uint8_t *out)
{
    static const char message[RECORD_KEY_UPDATE_BYTES] = { RECORD_KEY_UPDATE, 0, 0, 1,
                                                           RECORD_UPDATE_NOT_REQUESTED };
    size_t len = seal(r, e, RECORD_HANDSHAKE, slice_of(message, sizeof(message)), out);
    if (!len || record_keys_update(e, r->suite, &r->write))
        return 0;
    r->update_owed = false;
    return len;
}

size_t record_seal(struct record *r, struct record_engine *e, struct slice *data, uint8_t *out)
{
    struct slice piece = slice_of(data->data, MIN(data->len, r->plain_max));
    size_t update = 0;
    if (r->update_owed || r->write.sequence >= RECORD_KEY_LIFETIME) {
        update = seal_key_update(r, e, out);
        if (!update)
            return 0;
    }
    size_t len = seal(r, e, RECORD_APPLICATION_DATA, piece, out + update);
    if (!len)
        return 0;
    if (r->silent)
        r->silent--;
    *data = slice_from(*data, piece.len);
    return update + len;
}

size_t record_seal_alert(struct record *r, struct record_engine *e, enum record_alert alert,
                         uint8_t *out)
{
    const char level = alert == RECORD_ALERT_CLOSE_NOTIFY ? WARNING : FATAL;
    const char message[] = { level, (char)alert };
    return seal(r, e, RECORD_ALERT, slice_of(message, sizeof(message)), out);
}
