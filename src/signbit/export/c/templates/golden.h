/* Golden vectors of NAME, by signbit's reference interpreter. */
#ifndef UPPER_GOLDEN_H
#define UPPER_GOLDEN_H

#include "NAME.h"

#include <stddef.h>

#define GOLDEN_SAMPLES SAMPLES_OF
#define GOLDEN_MAPS MAPS_OF

ARRAYS
/* golden_tolerance_...: how far a number may lie from the golden one where the terms of real-valued
 * sums were added in another order, and expf and logf are within 4 units in the last place; 0 for
 * numbers that are exact, FLT_MAX for those that rounding may make any number. */

/* Maps of bits: node, words of a sample, the words of all samples, those bits in which a real-valued
 * sum lies so near to its threshold that rounding decides; NULL where there are none. */
static const struct {
    int node;
    int32_t words;
    const uint32_t *bits;
    const uint32_t *open;
} golden_maps[GOLDEN_MAPS + 1] = {
TABLE    {0, 0, NULL, NULL},
};

#endif
