/* The binary neural network NAME, written by signbit.
 *
 * C99. It needs only the standard library and no heap. It is not reentrant: a run uses static
 * memory. UPPER_ARENA_BYTES of RAM hold the values, UPPER_CONSTANT_BYTES of flash hold the weights
 * and thresholds; small buffers are on the stack.
 *
 * Where the compiler may use AVX2 or NEON, vector instructions count the bits. Define
 * UPPER_PORTABLE to use plain C only. Define UPPER_POPCOUNT(word) to replace the portable count of
 * the ones in a uint32_t. For exactly the same scores on all targets, turn floating-point
 * contraction off: -std=c99, or -ffp-contract=off.
 */
#ifndef UPPER_H
#define UPPER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

SIZES#define UPPER_ARENA_BYTES BYTES_OF_ARENA
#define UPPER_CONSTANT_BYTES BYTES_OF_CONSTANTS

/* Inputs and outputs are arrays of COUNT elements in the order of their axes.BITS_IN_WORDS */

ARGUMENTS
CHANNEL_NAMESFUNCTIONS
#ifdef __cplusplus
}
#endif

#endif
