static void softmax(int32_t positions, int32_t channels, const float *x, float *out) {
    for (int32_t at = 0; at < positions; at++, x += channels, out += channels) {
        float highest = x[0], total = 0;
        for (int32_t c = 1; c < channels; c++) highest = x[c] > highest ? x[c] : highest;
        for (int32_t c = 0; c < channels; c++) total += out[c] = expf(x[c] - highest);
        for (int32_t c = 0; c < channels; c++) out[c] /= total;
    }
}
