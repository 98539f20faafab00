/* The key schedule of TLS 1.3 (RFC 8446 7.1) as a provider of OpenSSL's TLS13-KDF (provider-kdf(7),
 * EVP_KDF-TLS13_KDF(7)), so that the traffic secrets can be told to a record layer outside of
 * OpenSSL. The only other way to them is OpenSSL's key log, which prints every secret of a
 * handshake in hexadecimal, byte by byte: a twentieth of a handshake's instructions.
 *
 * For the process's only thread that shakes hands. Beyond what libssl asks for it is no KDF: no
 * outputs longer than the hash, and the parameters come with the derivation, not before it. */
#ifndef TLS_KEY_SCHEDULE_H
#define TLS_KEY_SCHEDULE_H

#include "common/err.h"
#include "common/slice.h"

/* What a context asks for (SSL_CTX_new_ex()) whose handshakes are to use it. */
#define KEY_SCHEDULE_PROPERTIES "?provider=cong"

enum traffic_side { TRAFFIC_CLIENT, TRAFFIC_SERVER };

struct traffic_listener {
    /* The first application traffic secret of a side, when OpenSSL derives it, which is before it
     * uses it. */
    void (*on_secret)(struct traffic_listener *l, enum traffic_side side, struct slice secret);
};

/* Gives it to OpenSSL, once; 0, or an error. What does not ask for it is OpenSSL's as before. */
int key_schedule_init(struct err *e) MUST_CHECK;

/* Who hears of what OpenSSL derives from now on; NULL: nobody. While somebody listens, the last
 * secret that was used stays in memory; key_schedule_forget() takes it out of there. */
void key_schedule_listen(struct traffic_listener *l);
void key_schedule_forget(void);

#endif
