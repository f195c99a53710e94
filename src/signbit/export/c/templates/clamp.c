static void clamp(int32_t count, float low, float high, const float *x, float *out) {
    for (int32_t i = 0; i < count; i++) {
        const float raised = x[i] < low ? low : x[i];
        out[i] = raised > high ? high : raised;
    }
}
