/* The body of an answer that the gateway makes by itself: a page for people, in Vietnamese and
 * English, or application/problem+json (RFC 9457) for programs.
 *
 * A page says what happened, whether anything was filed, what to do next, and gives the reference
 * code in a form that can be read out over the phone. It has no script and loads nothing. Status,
 * texts and their claims stand in error_page_table.h; whatever is inserted is escaped. The status
 * line and the fields (Content-Type, Retry-After, Allow, Cache-Control) are the caller's. */
#ifndef HTTP_ERROR_PAGE_H
#define HTTP_ERROR_PAGE_H

#include "common/base.h"
#include "common/buf.h"
#include "common/slice.h"
#include "http/error_page_table.h"

#define ERROR_PAGE_BYTES_MAX 8192 /* every page fits: a cap for the caller's buffer */

/* Value of Content-Security-Policy that fits the HTML form. */
#define ERROR_PAGE_POLICY                                                                          \
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "              \
    "form-action 'none'; frame-ancestors 'none'"

enum error_page_reason {
#define ROW(ID, ...) ERROR_PAGE_##ID,
    ERROR_PAGE_TABLE(ROW)
#undef ROW
};

struct error_page_input {
    enum error_page_reason reason;
    struct slice reference; /* the request's code; empty: none is shown */
    struct slice link;      /* where its status can be asked for; empty: nowhere */
    uint32_t retry_after_s; /* as in Retry-After; replaces what to do next; 0: not known */
    /* The caller knows that no processing system can have acted: nothing was sent to one, or the
     * method is safe. Without that, a page for 502 or 504 claims neither one nor the other. */
    bool nothing_filed;
    bool wants_json;
    struct slice affected;    /* the system in question, as citizens call it; empty: not named */
    struct slice affected_en; /* empty: as in Vietnamese */
    struct slice message;     /* of the operators, for citizens; empty: none */
    uint64_t until_ms;        /* wall clock, when it is expected to work again; 0: not known */
    bool is_overdue;          /* it was expected to work by now */
    uint16_t status;          /* in place of the row's; 0: that */
};

unsigned error_page_status(enum error_page_reason reason);
/* "upstream_timeout": the same in logs, metrics and JSON. */
const char *error_page_name(enum error_page_reason reason);

const char *error_page_content_type(bool wants_json);
/* Appends the body. A worker that keeps one buffer and clears it between pages allocates once. */
void error_page_write(struct buf *out, const struct error_page_input *input);

/* Which form the value of Accept asks for (RFC 9110 12.5.1): JSON when its weight is above that of
 * text/html, or equal and JSON is named while HTML is only met by a range. Otherwise HTML. */
bool error_page_wants_json(struct slice accept);

#endif
