static void flip(int32_t positions, int32_t words, const uint32_t *x, const uint32_t *mask,
                 uint32_t *out) {
    for (int32_t at = 0; at < positions; at++) {
        for (int32_t i = 0; i < words; i++) *out++ = *x++ ^ mask[i];
    }
}
