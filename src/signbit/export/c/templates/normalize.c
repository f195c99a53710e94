static void normalize(int32_t positions, int32_t channels, const uint8_t *x, const float *scale,
                      const float *bias, float *out) {
    for (int32_t at = 0; at < positions; at++) {
        for (int32_t c = 0; c < channels; c++) {
            const float product = (float)*x++ * scale[c];
            *out++ = product + bias[c];
        }
    }
}
