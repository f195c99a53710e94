static float magnitude(float x) { return x < 0 ? -x : x; }

static int same(float found, float golden, float tolerance) {
    /* Equal numbers, equal infinities, or both NaN. */
    if (found == golden || (found != found && golden != golden)) return 1;
    return tolerance >= FLT_MAX || magnitude(found - golden) <= tolerance;
}

static void check_reals(const char *output, int32_t count, const float *found, const float *golden,
                        const float *tolerance) {
    for (int32_t i = 0; i < count; i++) {
        if (!same(found[i], golden[i], tolerance[i])) {
            printf("FAIL NAME: sample %d, %s[%ld] is %g, not %g within %g\n", sample, output, (long)i,
                   (double)found[i], (double)golden[i], (double)tolerance[i]);
            failures++;
        }
        if (tolerance[i] > 1e-3f && tolerance[i] > 1e-3f * magnitude(golden[i]) &&
            ill_conditioned++ == 0) {
            ill_sample = sample;
            ill_output = output;
            ill_index = i;
            ill_golden = golden[i];
            ill_tolerance = tolerance[i];
        }
    }
}
