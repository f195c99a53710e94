static void add(int32_t count, const float *x, const float *y, float *out) {
    for (int32_t i = 0; i < count; i++) out[i] = x[i] + y[i];
}
