/* Bit c is value < threshold where bit c of `below` is set, else value > threshold. */
struct threshold_KIND {
    int32_t channels;
    const LIMIT *threshold;
    const uint32_t *below;
};

static void bits_of_KIND(const struct threshold_KIND *t, const TYPE *values, uint32_t *bits) {
    for (int32_t from = 0; from < t->channels; from += 32) {
        const int32_t count = t->channels - from < 32 ? t->channels - from : 32;
        uint32_t above = 0, under = 0;
        for (int32_t c = 0; c < count; c++) {
            above |= (uint32_t)(values[from + c] > t->threshold[from + c]) << c;
            under |= (uint32_t)(values[from + c] < t->threshold[from + c]) << c;
        }
        *bits++ = (under & t->below[from / 32]) | (above & ~t->below[from / 32]);
    }
}
