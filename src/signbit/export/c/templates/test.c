/* Runs NAME on its golden images and compares the bits of each layer, scores and classes.
 *
 * Ends with 0 and a line that begins with PASS, or with 1. Integers and what follows from them must
 * be exact. Real-valued sums may be rounded in another way: scores then lie within the tolerance that
 * was derived for each of them; a score that rounding alone may change by a thousandth is told. A bit
 * may differ where its sum lies that near to the threshold; what comes after it in the image is not
 * compared then, and the image is counted.
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
static int ill_conditioned, ill_image, ill_score; /* count, and the first of them */
static int32_t differing; /* bits of the image that rounding turned */

static int32_t ones(uint32_t word) {
    int32_t count = 0;
    for (; word; word &= word - 1) count++;
    return count;
}

static float magnitude(float x) { return x < 0 ? -x : x; }

static void check(int node, const uint32_t *bits) {
    for (int m = 0; m < GOLDEN_MAPS; m++) {
        const int32_t words = golden_maps[m].words;
        int32_t wrong = 0, turned = 0;
        if (golden_maps[m].node != node || differing > 0) continue;
        for (int32_t i = 0; i < words; i++) {
            const int32_t at = image * words + i;
            const uint32_t open = golden_maps[m].open ? golden_maps[m].open[at] : 0;
            const uint32_t other = bits[i] ^ golden_maps[m].bits[at];
            wrong += ones(other & ~open);
            turned += ones(other & open);
        }
        if (wrong > 0) {
            printf("FAIL NAME: image %d, node %d: %ld bits differ\n", image, node, (long)wrong);
            failures++;
        }
        differing += turned;
    }
}

static int same(float found, float golden, float tolerance) {
    /* Equal infinities, or NaN in the place of NaN. */
    if (found == golden || (found != found && golden != golden)) return 1;
    return tolerance >= FLT_MAX || magnitude(found - golden) <= tolerance;
}

static void check_score(int c, float found) {
    const float golden = golden_scores[image][c], tolerance = golden_tolerances[image][c];
    if (!same(found, golden, tolerance)) {
        printf("FAIL NAME: image %d, score %d is %g, not %g within %g\n", image, c, (double)found,
               (double)golden, (double)tolerance);
        failures++;
    }
    if (tolerance > 1e-3f && tolerance > 1e-3f * magnitude(golden) && ill_conditioned++ == 0) {
        ill_image = image;
        ill_score = c;
    }
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
    differing = 0;
    NAME_scores(golden_pixels[image], scores);
    for (int c = 0; c < UPPER_CLASSES && differing == 0; c++) check_score(c, scores[c]);
    /* The scores are right: so is the class, if it is the highest of them. */
    if (NAME_classify(golden_pixels[image]) != highest(scores)) {
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
    if (inexact > 0) {
        printf("; rounding turned bits in %d images, what follows is not compared", inexact);
    }
    if (ill_conditioned > 0) {
        printf("; %d scores are ill-conditioned, first score %d of image %d: rounding may move its %g "
               "by %g",
               ill_conditioned, ill_score, ill_image, (double)golden_scores[ill_image][ill_score],
               (double)golden_tolerances[ill_image][ill_score]);
    }
    printf("\n");
    return 0;
}
