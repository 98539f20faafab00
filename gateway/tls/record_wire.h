/* What the two halves of the record layer (tls/record.h) share about the bytes of TLS 1.3. */
#ifndef TLS_RECORD_WIRE_H
#define TLS_RECORD_WIRE_H

/* Content types, RFC 8446 5.1. */
enum record_type { RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_APPLICATION_DATA = 23 };

#define RECORD_VERSION 0x0303 /* of every record, whatever has been agreed (5.1) */

enum { RECORD_KEY_UPDATE = 24 };                               /* handshake type (4) */
enum { RECORD_UPDATE_NOT_REQUESTED, RECORD_UPDATE_REQUESTED }; /* 4.6.3 */

#endif
