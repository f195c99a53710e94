/* In the order channel, row, column. */
static void flatten_KIND(int32_t positions, int32_t channels, const TYPE *x, TYPE *out) {
    for (int32_t c = 0; c < channels; c++) {
        for (int32_t at = 0; at < positions; at++) *out++ = x[at * channels + c];
    }
}
