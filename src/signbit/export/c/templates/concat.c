/* Puts the channels of x at channel `to` of out. */
static void concat_KIND(int32_t positions, int32_t channels, const TYPE *x, int32_t to,
                        int32_t channels_out, TYPE *out) {
    for (int32_t at = 0; at < positions; at++) {
        for (int32_t c = 0; c < channels; c++) out[at * channels_out + to + c] = *x++;
    }
}
