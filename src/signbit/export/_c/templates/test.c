/* Runs NAME on its golden images and compares the bits of each layer, scores and classes.
 *
 * Ends with 0 and a line that begins with PASS, or with 1. Bits behind real-valued sums may differ
 * where these were rounded otherwise, 1 in 100; the images in which some do are counted.
 */
#include <float.h>
#include <stddef.h>
#include <stdint.h>

static void check(int node, const uint32_t *bits);
#define UPPER_TRACE(node, bits) check(node, bits)

#include "NAME.c"
#include "NAME_golden.h"

#include <stdio.h>

static int image, failures;
static int32_t differing; /* bits of the image that were allowed to */

static int32_t ones(uint32_t word) {
    int32_t count = 0;
    for (; word; word &= word - 1) count++;
    return count;
}

static void check(int node, const uint32_t *bits) {
    for (int m = 0; m < GOLDEN_MAPS; m++) {
        const int32_t words = golden_maps[m].words;
        int32_t wrong = 0;
        if (golden_maps[m].node != node) continue;
        for (int32_t i = 0; i < words; i++) {
            wrong += ones(bits[i] ^ golden_maps[m].bits[image * words + i]);
        }
        if (wrong > (golden_maps[m].inexact ? words * 32 / 100 : 0)) {
            printf("FAIL NAME: image %d, node %d: %ld bits differ\n", image, node, (long)wrong);
            failures++;
        }
        differing += wrong;
    }
}

static int same(float found, float golden) {
    const float size = golden > 1 ? golden : golden < -1 ? -golden : 1;
    const float apart = found > golden ? found - golden : golden - found;
    /* Equal infinities, or NaN in the place of NaN. */
    if (found == golden || (found != found && golden != golden)) return 1;
    return size <= FLT_MAX && apart <= GOLDEN_TOLERANCE * size;
}

static int highest(const float *scores) {
    int best = 0;
    for (int c = 1; c < UPPER_CLASSES; c++) {
        if (scores[c] > scores[best]) best = c;
    }
    return best;
}

static void check_scores(void) {
    float scores[UPPER_CLASSES];
    const float *golden = golden_scores[image];
    differing = 0;
    NAME_scores(golden_pixels[image], scores);
    for (int c = 0; c < UPPER_CLASSES && differing == 0; c++) {
        if (same(scores[c], golden[c])) continue;
        printf("FAIL NAME: image %d, score %d is %g, not %g\n", image, c, (double)scores[c],
               (double)golden[c]);
        failures++;
    }
    if (differing == 0 && NAME_classify(golden_pixels[image]) != highest(golden)) {
        printf("FAIL NAME: image %d: another class\n", image);
        failures++;
    }
}

int main(void) {
    int inexact = 0;
    for (image = 0; image < GOLDEN_IMAGES; image++) {
        check_scores();
        inexact += differing > 0;
    }
    (void)check; /* unused where no layer gives bits */
    if (failures > 0) return 1;
    printf("PASS NAME: %d images, %d maps of bits, scores and classes", GOLDEN_IMAGES, GOLDEN_MAPS);
    if (inexact > 0) printf("; bits differ within what rounding explains in %d images", inexact);
    printf("\n");
    return 0;
}
