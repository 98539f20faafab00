/* A self-signed certificate for the testbed's gateway: ECDSA P-256, good for two days. */
#ifndef RUN_CERTIFICATE_H
#define RUN_CERTIFICATE_H

#include "common/err.h"

/* For `name`; both files are PEM. */
int certificate_make(const char *name, const char *cert_path, const char *key_path,
                     struct err *e) MUST_CHECK;

#endif
