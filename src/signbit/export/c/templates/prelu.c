static void prelu(int32_t positions, int32_t channels, const float *x, const float *slope,
                  float *out) {
    for (int32_t at = 0; at < positions; at++) {
        for (int32_t c = 0; c < channels; c++, x++) *out++ = *x > 0 ? *x : slope[c] * *x;
    }
}
