/* The binary neural network NAME, written by signbit; see NAME.h.
 *
 * A bit 1 stands for +1, 0 for -1. Channel c of a position is bit c % 32 of its word c / 32; bits
 * after the last channel are 0, in maps as in weights, so that they never differ. The sum over n
 * products of signs is n - 2 * (bits that differ). Maps lie row by row, their channels innermost.
 */
#include "NAME.h"

#include <stddef.h>
INCLUDES
VECTORS
/* What a program that looks at the bits of each layer defines; see NAME_test.c. */
#ifndef UPPER_TRACE
#define UPPER_TRACE(node, bits) ((void)0)
#endif

FUNCTIONS
CONSTANTS
CHANNEL_NAMES/* The values of a run. A value lies where others did that are no longer needed. */
ARENAS
ENTRY