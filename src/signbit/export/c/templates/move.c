static void move_KIND(const struct move *m, TYPE fill, const TYPE *x, TYPE *out) {
    for (int32_t row = 0; row < m->height; row++) {
        for (int32_t column = 0; column < m->width; column++, out += m->channels) {
            const int32_t at = position_of(m, row, column);
            if (at >= 0 && m->is_run) {
                memcpy(out, x + at + m->channel.first, (size_t)m->channels * sizeof *out);
                continue;
            }
            for (int32_t k = 0; k < m->channels; k++) {
                const int32_t channel = place_of(&m->channel, k);
                out[k] = at < 0 || channel < 0 ? fill : x[at + channel];
            }
        }
    }
}
