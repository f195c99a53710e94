/* Golden vectors of NAME, by signbit's reference interpreter. */
#ifndef UPPER_GOLDEN_H
#define UPPER_GOLDEN_H

#include "NAME.h"

#include <stddef.h>

#define GOLDEN_SAMPLES SAMPLES_OF
#define GOLDEN_MAPS MAPS_OF

ARRAYS
/* golden_tolerance_...: how far a number may be from the golden one. It covers another order of the
 * terms of real-valued sums, and an expf and logf within 4 units in the last place. It is 0 for an
 * exact number, and FLT_MAX for a number that rounding may change to any other. */

/* Maps of bits: the node, the words of a sample, the words of all samples, and the bits that
 * rounding decides, because a real-valued sum lies near its threshold; NULL where there are none. */
static const struct {
    int node;
    int32_t words;
    const uint32_t *bits;
    const uint32_t *open;
} golden_maps[GOLDEN_MAPS + 1] = {
TABLE    {0, 0, NULL, NULL},
};

#endif
