/* Copies the numbers of a group of channels under a window; outside the map they are `padded`. */
static void gather_f32(const struct window *w, int32_t channels, int32_t from, int32_t count,
                        const float *x, float padded, int32_t row, int32_t column, float *taps) {
    for (int32_t i = 0; i < w->kernel_height; i++) {
        for (int32_t j = 0; j < w->kernel_width; j++) {
            const int32_t at = under_tap(w, row, column, i, j);
            for (int32_t c = 0; c < count; c++) {
                *taps++ = at < 0 ? padded : x[at * channels + from + c];
            }
        }
    }
}
