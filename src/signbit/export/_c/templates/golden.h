/* Golden vectors of NAME, by signbit's reference interpreter. */
#ifndef UPPER_GOLDEN_H
#define UPPER_GOLDEN_H

#include "NAME.h"

#include <stddef.h>

#define GOLDEN_IMAGES IMAGES_OF
#define GOLDEN_MAPS MAPS_OF
#define GOLDEN_TOLERANCE SCORE_TOLERANCE

ARRAYS
/* Maps of bits: node, words of an image, the words of all images, whether real-valued sums, whose
 * rounding depends on their order, come before. */
static const struct {
    int node;
    int32_t words;
    const uint32_t *bits;
    int inexact;
} golden_maps[GOLDEN_MAPS + 1] = {
TABLE    {0, 0, NULL, 0},
};

#endif
