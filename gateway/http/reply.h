/* Answers that the gateway makes itself: error pages, redirects, and small texts. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "http/error_page.h"
#include "http/exchange.h"

/* Sends the page or problem document for `reason`, in the form that the request's Accept asks for,
 * and ends the answer. Only before the head of another answer has been sent. */
void reply_error(struct exchange *ex, enum error_page_reason reason);
/* The same with one more field (Allow, Retry-After): name and value live during the call. */
void reply_error_with(struct exchange *ex, enum error_page_reason reason, struct slice name,
                      struct slice value);
/* The same with Retry-After, which the page tells, too. */
void reply_error_retry(struct exchange *ex, enum error_page_reason reason, uint32_t seconds);
/* The upstream of the request is closed for work. */
struct reply_closed {
    struct slice message;   /* of the operators, for citizens; may be empty */
    uint64_t until_ms;      /* wall clock, when it is expected back; 0: not known */
    bool is_overdue;        /* that time has gone by */
    uint32_t retry_after_s; /* for programs; people are told the time, where it is known */
};
void reply_error_closed(struct exchange *ex, const struct reply_closed *closed);
/* About a submission: what the row says of it counts, whatever this request did. `link`, where its
 * status can be asked for, may be empty, retry_after_s 0; the page says what to do all the same. */
void reply_submission(struct exchange *ex, enum error_page_reason reason, uint32_t retry_after_s,
                      struct slice link);
/* The same for who asks after it at the path of this request, which the page links to. */
void reply_status(struct exchange *ex, enum error_page_reason reason);
/* 301 for GET and HEAD, 308 for the rest, so that no browser turns a POST into a GET. */
void reply_redirect(struct exchange *ex, struct slice location);
/* A complete answer from memory; nothing is added to its content. */
void reply_text(struct exchange *ex, uint16_t status, struct slice content_type, struct slice body);

#endif
