/* Whether the TLS files that the configuration names hold what they should, found out before any
 * connection needs them. Building contexts from them is tls/tls_context's work. */
#ifndef CONFIG_CERTIFICATE_CHECK_H
#define CONFIG_CERTIFICATE_CHECK_H

#include "common/err.h"
#include "common/slice.h"

/* Each of these returns 0, or ERR_INVALID with a sentence that follows the file's name:
 * "holds no certificate (PEM)". Nothing from a file is repeated in it. */

/* At least one certificate, and all of them readable: a leaf with its chain, or authorities. */
int certificate_check_chain(struct slice pem, struct err *e) MUST_CHECK;
/* A private key that belongs to the first certificate of `chain` (which has been checked), is not
 * encrypted, and is strong enough for TLS today: 112 bits (RSA-2048, P-224) or more. */
int certificate_check_key(struct slice chain, struct slice key, struct err *e) MUST_CHECK;
/* An OCSP response in DER (RFC 6960) that carries an answer. */
int certificate_check_ocsp(struct slice der, struct err *e) MUST_CHECK;

/* Whether some certificate of `chain` (which has been checked) is not valid now; `e` says why. */
bool certificate_is_out_of_date(struct slice chain, struct err *e);

#endif
