/* The highest of each window; padding is never the highest. */
static void max_pool_KIND(const struct window *w, int32_t channels, const TYPE *x, TYPE *out) {
    for (int32_t row = 0; row < w->rows; row++) {
        for (int32_t column = 0; column < w->columns; column++, out += channels) {
            for (int32_t c = 0; c < channels; c++) out[c] = LOWEST;
            for (int32_t tap = 0; tap < w->kernel_height * w->kernel_width; tap++) {
                const int32_t at = under_tap(w, row, column, tap / w->kernel_width,
                                             tap % w->kernel_width);
                for (int32_t c = 0; at >= 0 && c < channels; c++) {
                    const TYPE value = x[at * channels + c];
                    if (HIGHER) out[c] = value;
                }
            }
        }
    }
}
