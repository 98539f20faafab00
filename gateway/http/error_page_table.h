/* Every answer that the gateway makes by itself, one row each: the only place for its status and
 * texts. A new reason is a new row, in one of the two files that are included here.
 *
 * ROW(ID, name, status, outcome, title, happened, next) where
 *   name      is what logs, metrics and JSON call it;
 *   outcome   says what is known about the request: NOTHING_FILED, UNKNOWN where a processing
 *             system may have acted on it although no answer came, UNDER_WAY, ANSWERED before, or
 *             NOT_THIS_TIME where nobody could look whether it was sent before;
 *   title, happened and next are for citizens, each as BOTH(Vietnamese, English), in plain text
 *             without < > & or quotation marks, since they are written as they stand. */
#ifndef HTTP_ERROR_PAGE_TABLE_H
#define HTTP_ERROR_PAGE_TABLE_H

#include "http/error_page_rows_4xx.h"
#include "http/error_page_rows_5xx.h"
#include "http/error_page_rows_submission.h"

#define ERROR_PAGE_TABLE(ROW)                                                                      \
    ERROR_PAGE_ROWS_4XX(ROW) ERROR_PAGE_ROWS_5XX(ROW) ERROR_PAGE_ROWS_SUBMISSION(ROW)

#endif
