/* The mean of each window, summed row by row; padding counts as zeros or not at all. */
static void avg_pool(const struct window *w, int32_t channels, int32_t count_padding,
                     const float *x, float *out) {
    const int32_t taps = w->kernel_height * w->kernel_width;
    for (int32_t row = 0; row < w->rows; row++) {
        for (int32_t column = 0; column < w->columns; column++, out += channels) {
            int32_t inside = 0;
            for (int32_t c = 0; c < channels; c++) out[c] = 0;
            for (int32_t tap = 0; tap < taps; tap++) {
                const int32_t at = under_tap(w, row, column, tap / w->kernel_width,
                                             tap % w->kernel_width);
                for (int32_t c = 0; at >= 0 && c < channels; c++) out[c] += x[at * channels + c];
                inside += at >= 0;
            }
            for (int32_t c = 0; c < channels; c++) {
                out[c] /= (float)(count_padding ? taps : inside);
            }
        }
    }
}
