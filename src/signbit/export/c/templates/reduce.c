/* `count` numbers become one. `to` says at which of the `results` it is. */
static void reduce_FUNCTION(int32_t height, int32_t width, int32_t channels, struct strides to,
                            int32_t results, int32_t count, const float *x, float *out) {
    (void)count;
    for (int32_t i = 0; i < results; i++) out[i] = FIRST;
    for (int32_t row = 0; row < height; row++) {
        for (int32_t column = 0; column < width; column++) {
            for (int32_t c = 0; c < channels; c++, x++) {
                float *into = out + row * to.row + column * to.column + c * to.channel;
                *into = EXPRESSION;
            }
        }
    }
    for (int32_t i = 0; i < results; i++) out[i] = RESULT;
}
