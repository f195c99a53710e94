/* x * scale + bias in float with a single rounding. */
static float multiply_add(float x, float scale, float bias) {
#ifdef FP_FAST_FMAF
    return fmaf(x, scale, bias);
#else
    /* The product is exact in double. The sum is rounded to odd in double. So the second rounding,
     * to float, returns the same number as rounding the exact sum (Boldo, Melquiond, 2008). */
    const double product = (double)x * (double)scale;
    double sum = product + (double)bias;
    const double part = sum - product;
    const double rest = sum - part;
    const double error = (product - rest) + ((double)bias - part);
    uint64_t code;
    memcpy(&code, &sum, sizeof code);
    if (isfinite(sum) && (error > 0 || error < 0) && (code & 1u) == 0) {
        /* Go to the neighbour on the side of the exact sum: its code is odd. */
        code = (error > 0) == (sum > 0) ? code + 1 : code - 1;
        memcpy(&sum, &code, sizeof sum);
    }
    return (float)sum;
#endif
}
