/* Copies each group of channels to words of its own. */
static const uint32_t *split_groups(int32_t positions, int32_t groups, int32_t bits,
                                    const uint32_t *x, uint32_t *out) {
    const int32_t words = (bits + 31) / 32, words_in = (groups * bits + 31) / 32;
    memset(out, 0, (size_t)(positions * groups * words) * sizeof *out);
    for (int32_t at = 0; at < positions; at++) {
        for (int32_t group = 0; group < groups; group++) {
            copy_bits(x + at * words_in, group * bits, out + (at * groups + group) * words, 0, bits);
        }
    }
    return out;
}
