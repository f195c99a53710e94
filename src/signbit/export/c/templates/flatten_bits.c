/* In the order channel, row, column. */
static void flatten_bits(int32_t positions, int32_t channels, const uint32_t *x, uint32_t *out) {
    int32_t to = 0;
    memset(out, 0, (size_t)((positions * channels + 31) / 32) * sizeof *out);
    for (int32_t c = 0; c < channels; c++) {
        for (int32_t at = 0; at < positions; at++, to++) {
            copy_bits(x + at * ((channels + 31) / 32), c, out, to, 1);
        }
    }
}
