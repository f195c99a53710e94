/* channels_in: the channels of the input. Each of its positions begins a new word. */
static void move_bits(const struct move *m, int32_t channels_in, uint32_t fill, const uint32_t *x,
                      uint32_t *out) {
    const int32_t words_in = (channels_in + 31) / 32, words = (m->channels + 31) / 32;
    for (int32_t row = 0; row < m->height; row++) {
        for (int32_t column = 0; column < m->width; column++, out += words) {
            const int32_t at = position_of(m, row, column);
            memset(out, 0, (size_t)words * sizeof *out);
            if (at >= 0 && m->is_run) {
                const int32_t from = at + m->channel.first;
                copy_bits(x + from / channels_in * words_in, from % channels_in, out, 0, m->channels);
                continue;
            }
            for (int32_t k = 0; k < m->channels; k++) {
                const int32_t channel = place_of(&m->channel, k), from = at + channel;
                const uint32_t bit = at < 0 || channel < 0
                                         ? fill
                                         : x[from / channels_in * words_in + from % channels_in / 32] >>
                                                   from % channels_in % 32 &
                                               1u;
                out[k / 32] |= bit << k % 32;
            }
        }
    }
}
