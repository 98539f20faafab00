/* The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt of 2020-03-05): who the client
 * of a trusted load balancer really is. Sans I/O: bytes in, at most one header out.
 *
 * The parser keeps what it needs of a header that arrives in pieces, so the caller may forget each
 * piece; it lives only from accept until the header is complete. Limits: 107 bytes for version 1,
 * PROXY_PROTOCOL_BYTES_MAX for version 2. Anything that the specification does not allow is
 * INVALID as soon as it is seen, and the connection is to be closed without an answer. Whether the
 * peer may send a header at all is the caller's decision. TLVs are checked for their lengths and
 * skipped, their checksum (PP2_TYPE_CRC32C) not verified.
 *
 * And the other way round: what we tell backends of our clients. */
#ifndef NET_PROXY_PROTOCOL_H
#define NET_PROXY_PROTOCOL_H

#include "net/address.h"

#define PROXY_PROTOCOL_LINE_MAX 107
#define PROXY_PROTOCOL_BYTES_MAX 4096

enum proxy_protocol_result {
    PROXY_PROTOCOL_NEED_MORE,
    PROXY_PROTOCOL_DONE,
    PROXY_PROTOCOL_INVALID,
};

enum proxy_protocol_phase {
    PROXY_PROTOCOL_FIRST,   /* no byte yet: the first one tells the version */
    PROXY_PROTOCOL_LINE,    /* version 1, up to CR LF */
    PROXY_PROTOCOL_HEAD,    /* version 2, the fixed 16 bytes */
    PROXY_PROTOCOL_ADDRESS, /* both addresses and ports */
    PROXY_PROTOCOL_TLV,     /* what follows them */
    PROXY_PROTOCOL_IGNORE,  /* LOCAL and UNSPEC: everything after the head */
};

struct proxy_protocol {
    struct address source; /* after DONE; AF_UNSPEC: the header names nobody, keep the real one */
    enum proxy_protocol_phase phase;
    uint16_t filled;       /* bytes of head[] */
    uint16_t left;         /* bytes of a version 2 header still to come */
    uint16_t address_left; /* of these, in the address block */
    uint16_t tlv_left;     /* of these, in the value of the current TLV */
    uint8_t tlv_filled;
    uint8_t tlv[3];
    uint8_t head[PROXY_PROTOCOL_LINE_MAX];
};

void proxy_protocol_init(struct proxy_protocol *p);

/* Takes bytes from `input`; *consumed says how many belonged to the header (all of them with
 * NEED_MORE). After DONE or INVALID it must not be called again. */
enum proxy_protocol_result proxy_protocol_feed(struct proxy_protocol *p, struct slice input,
                                               size_t *consumed) MUST_CHECK;

/* Writes a header of version 1 or 2, PROXY_PROTOCOL_LINE_MAX bytes at most, and returns its length.
 * A destination that is not known is told as an address of zeros; of two families IPv4 is mapped.
 * A source of AF_UNSPEC says that the connection is for nobody. */
size_t proxy_protocol_write(char *out, int version, const struct address *source,
                            const struct address *destination);

#endif
