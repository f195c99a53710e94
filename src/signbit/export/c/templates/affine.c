static void affine_KIND(int32_t positions, int32_t channels, const TYPE *x, const float *scale,
                        const float *bias, float *out) {
    for (int32_t at = 0; at < positions; at++) {
        for (int32_t c = 0; c < channels; c++) {
            *out++ = multiply_add((float)*x++, scale[c], bias[c]);
        }
    }
}
