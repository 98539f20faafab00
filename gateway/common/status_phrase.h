/* What HTTP's status codes are called (RFC 9110 15, RFC 6585 and what their registry has added). */
#ifndef COMMON_STATUS_PHRASE_H
#define COMMON_STATUS_PHRASE_H

/* "Not Found"; "Unassigned" for a code that is not listed. Nobody may rely on it (RFC 9112 4). */
const char *status_phrase(unsigned status);

#endif
