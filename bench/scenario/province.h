/* The 34 provinces and cities, by the names that configurations use. */
#ifndef BENCH_SCENARIO_PROVINCE_H
#define BENCH_SCENARIO_PROVINCE_H

#include "common/slice.h"

#define PROVINCES_MAX 34

const char *province_name(uint32_t province); /* "an-giang" */
/* PROVINCES_MAX when there is none of this name. */
uint32_t province_find(struct slice name);
/* The nearest name among the first `count`, or NULL. */
const char *province_nearest(struct slice name, uint32_t count);

#endif
