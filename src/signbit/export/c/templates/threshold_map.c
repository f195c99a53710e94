static void threshold_KIND(const struct threshold_KIND *t, int32_t positions, const TYPE *x,
                           uint32_t *out) {
    for (int32_t at = 0; at < positions; at++) {
        bits_of_KIND(t, x + at * t->channels, out + at * ((t->channels + 31) / 32));
    }
}
