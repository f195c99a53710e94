/* The binary neural network NAME, written by signbit.
 *
 * C99, no dependency but the standard library, no heap, not reentrant: a run works on static
 * memory of its own. UPPER_ARENA_BYTES of RAM hold the values, UPPER_CONSTANT_BYTES of flash the
 * weights and thresholds; small buffers lie on the stack.
 *
 * On AVX2 and NEON vector instructions count the bits, where the compiler may use them;
 * UPPER_PORTABLE keeps to plain C. UPPER_POPCOUNT(word), where defined, replaces the portable count
 * of the ones of a uint32_t. Floating-point contraction must be off to give the very scores of
 * other targets: -std=c99, or -ffp-contract=off.
 */
#ifndef UPPER_H
#define UPPER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

SIZES#define UPPER_ARENA_BYTES BYTES_OF_ARENA
#define UPPER_CONSTANT_BYTES BYTES_OF_CONSTANTS

/* Inputs and outputs: arrays of COUNT elements in the order of their axes.BITS_IN_WORDS */

ARGUMENTS
CHANNEL_NAMESFUNCTIONS
#ifdef __cplusplus
}
#endif

#endif
