/* Writes the configuration of one of the testbed's gateways; what is not said here is as by
 * default.
 */
#ifndef RUN_TESTBED_CONFIG_H
#define RUN_TESTBED_CONFIG_H

#include "bench/run/testbed.h"

void testbed_config_write(const struct testbed *t, uint32_t index, struct buf *out);
/* What the gateway of an earlier run has left in its runtime folder. */
void testbed_config_forget(uint32_t index);

#endif
