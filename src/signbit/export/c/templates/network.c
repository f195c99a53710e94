/* The binary neural network NAME, written by signbit; see NAME.h.
 *
 * A bit 1 stands for +1, 0 for -1. Channel c of a position is bit c % 32 of its word c / 32. Bits
 * after the last channel are 0 both in maps and in weights, so they never differ. A sum of n
 * products of signs is n - 2 * (bits that differ). Maps are stored row by row, channels innermost.
 */
#include "NAME.h"

#include <stddef.h>
INCLUDES
VECTORS
/* A program that looks at the bits of each layer defines this macro; see NAME_test.c. */
#ifndef UPPER_TRACE
#define UPPER_TRACE(node, bits) ((void)0)
#endif

FUNCTIONS
CONSTANTS
CHANNEL_NAMES/* The values of a run. They reuse the memory of values that are not needed any more. */
ARENAS
ENTRY