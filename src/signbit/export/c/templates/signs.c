static void signs(int32_t positions, int32_t channels, const uint32_t *x, float *out) {
    for (int32_t at = 0; at < positions; at++, x += (channels + 31) / 32) {
        for (int32_t c = 0; c < channels; c++) {
            *out++ = x[c / 32] >> c % 32 & 1u ? 1.0f : -1.0f;
        }
    }
}
