/* The highest of bits is their OR. */
static void max_pool_bits(const struct window *w, int32_t words, const uint32_t *x, uint32_t *out) {
    for (int32_t row = 0; row < w->rows; row++) {
        for (int32_t column = 0; column < w->columns; column++, out += words) {
            for (int32_t i = 0; i < words; i++) out[i] = 0;
            for (int32_t tap = 0; tap < w->kernel_height * w->kernel_width; tap++) {
                const int32_t at = under_tap(w, row, column, tap / w->kernel_width,
                                             tap % w->kernel_width);
                for (int32_t i = 0; at >= 0 && i < words; i++) out[i] |= x[at * words + i];
            }
        }
    }
}
