/* Runs NAME on its golden samples and compares the bits of each layer and all outputs.
 *
 * The exit status is 0 after a line that begins with PASS, else 1. Integers, and what follows from
 * them, must be exact. Real-valued sums may be rounded differently: a number must lie within the
 * tolerance that was derived for it. A number that rounding alone may change by a thousandth is
 * reported as ill-conditioned. A bit may differ where its sum lies that near to the threshold: then
 * the later values of this sample are not compared, and the sample is counted.
 */
#include <float.h>
#include <stddef.h>
#include <stdint.h>

static void check(int node, const uint32_t *bits);
#define UPPER_TRACE(node, bits) check(node, bits)

#include "NAME.c"
#include "NAME_golden.h"

#include <stdio.h>
#include <string.h>

static int sample, failures;
static int32_t differing; /* how many bits of the sample rounding turned */
/* Ill-conditioned numbers: how many, and the first of them. */
static int ill_conditioned, ill_sample;
static const char *ill_output = "";
static int32_t ill_index;
static float ill_golden, ill_tolerance;
/* The outputs of a sample. */
FOUND
static int32_t ones(uint32_t word) {
    int32_t count = 0;
    for (; word; word &= word - 1) count++;
    return count;
}

static void check(int node, const uint32_t *bits) {
    for (int m = 0; m < GOLDEN_MAPS; m++) {
        const int32_t words = golden_maps[m].words;
        int32_t wrong = 0, turned = 0;
        if (golden_maps[m].node != node || differing > 0) continue;
        for (int32_t i = 0; i < words; i++) {
            const int32_t at = sample * words + i;
            const uint32_t open = golden_maps[m].open ? golden_maps[m].open[at] : 0;
            const uint32_t other = bits[i] ^ golden_maps[m].bits[at];
            wrong += ones(other & ~open);
            turned += ones(other & open);
        }
        if (wrong > 0) {
            printf("FAIL NAME: sample %d, node %d: %ld bits differ\n", sample, node, (long)wrong);
            failures++;
        }
        differing += turned;
    }
}

FUNCTIONS
static void check_sample(void) {
    differing = 0;
    NAME_FUNCTION(PASSED);
    if (differing == 0) {
COMPARISONS    }
CLASS}

int main(void) {
    int inexact = 0;
    for (sample = 0; sample < GOLDEN_SAMPLES; sample++) {
        check_sample();
        inexact += differing > 0;
    }
    (void)check; /* unused where no layer returns bits */
    if (failures > 0) return 1;
    printf("PASS NAME: %d samples, %d maps of bits, all outputsAND_CLASSES", GOLDEN_SAMPLES,
           GOLDEN_MAPS);
    if (inexact > 0) {
        printf("; rounding turned bits in %d samples: later values are not compared", inexact);
    }
    if (ill_conditioned > 0) {
        printf("; %d numbers are ill-conditioned, the first is %s[%ld] of sample %d: rounding may "
               "change its %g by %g",
               ill_conditioned, ill_output, (long)ill_index, ill_sample, (double)ill_golden,
               (double)ill_tolerance);
    }
    printf("\n");
    return 0;
}
