/* Puts the channels of x at channel `to` of out. The bits of out from there on must be 0. */
static void concat_bits(int32_t positions, int32_t channels, const uint32_t *x, int32_t to,
                        int32_t channels_out, uint32_t *out) {
    for (int32_t at = 0; at < positions; at++) {
        copy_bits(x + at * ((channels + 31) / 32), 0, out + at * ((channels_out + 31) / 32), to,
                  channels);
    }
}
