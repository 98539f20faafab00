/* A small HTTPS server in threads of its own, that answers as cong-bench node behind a gateway
 * would, and misbehaves as asked: for tests of who judges it. Any failure of its own aborts. */
#ifndef FAKES_FAKE_PORTAL_H
#define FAKES_FAKE_PORTAL_H

#include "common/base.h"

enum fake_portal_fault {
    FAKE_PORTAL_IS_RIGHT,
    FAKE_PORTAL_HANGS_UP,     /* no answer */
    FAKE_PORTAL_RESETS,       /* no answer, and a TCP reset */
    FAKE_PORTAL_CUTS,         /* half an answer */
    FAKE_PORTAL_BABBLES,      /* not HTTP */
    FAKE_PORTAL_IS_BUSY,      /* 503 */
    FAKE_PORTAL_HAS_NOTHING,  /* 404 */
    FAKE_PORTAL_LIES,         /* another hash than that of the content */
    FAKE_PORTAL_IS_SILENT,    /* neither answers nor closes */
    FAKE_PORTAL_SAYS_CLOSE,   /* a right answer with Connection: close */
    FAKE_PORTAL_LEAVES,       /* a right answer, then it closes without a word */
    FAKE_PORTAL_IS_IMPATIENT, /* 408 to the first byte of every request, then it closes */
};

struct fake_portal_seen {
    uint32_t connections, resumed, requests, with_cookie, stored;
};

struct fake_portal;

/* Every `every`-th request meets the fault; 0: none does. Waits for connections on a free port. */
struct fake_portal *fake_portal_start(enum fake_portal_fault fault, uint32_t every);
/* Sets *flag once there have been so many requests. */
void fake_portal_signal_after(struct fake_portal *p, uint32_t requests, uint32_t *flag);
uint16_t fake_portal_port(const struct fake_portal *p);
/* A PEM file with the certificate to trust, for the name "a.vn". */
const char *fake_portal_ca_path(const struct fake_portal *p);
/* Waits until all clients have left. */
struct fake_portal_seen fake_portal_stop(struct fake_portal **p);

#endif
