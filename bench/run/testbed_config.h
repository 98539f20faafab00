/* The gateway's configuration for a run, as text in its own YAML. */
#ifndef RUN_TESTBED_CONFIG_H
#define RUN_TESTBED_CONFIG_H

#include "bench/run/testbed.h"

/* Into t->config. */
void testbed_config_write(struct testbed *t);

#endif
