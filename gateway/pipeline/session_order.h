/* What a backend orders about its client's session, in the field X-Cong-Session of its answer:
 *
 *   create; uid=079085001234; level=2; roles="citizen officer"
 *   rotate; level=3                 a new id for the same session; level and roles as they were,
 *                                   unless given
 *   revoke                          ends the session
 *   revoke-user; uid=079085001234   ends all sessions of that user
 *
 * Values are words of letters, digits and . _ ~ @ : + / = -, in quotation marks where there are
 * several. level is 0 to 255 and 1 if not given. Anything else is malformed, and does nothing. */
#ifndef PIPELINE_SESSION_ORDER_H
#define PIPELINE_SESSION_ORDER_H

#include "common/slice.h"
#include "store/sessions.h"

enum session_verb {
    SESSION_CREATE,
    SESSION_ROTATE,
    SESSION_REVOKE,
    SESSION_REVOKE_USER,
};

struct session_order {
    enum session_verb verb;
    struct slice uid, roles; /* in the text; data NULL: not given */
    bool has_level;
    uint8_t level;
};

bool session_order_parse(struct session_order *o, struct slice text) MUST_CHECK;

#endif
