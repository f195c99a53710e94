static void binary_FUNCTION(int32_t height, int32_t width, int32_t channels, struct strides sx,
                            struct strides sy, const float *xs, const float *ys, float *out) {
    for (int32_t row = 0; row < height; row++) {
        for (int32_t column = 0; column < width; column++) {
            for (int32_t c = 0; c < channels; c++) {
                const float x = xs[row * sx.row + column * sx.column + c * sx.channel];
                const float y = ys[row * sy.row + column * sy.column + c * sy.channel];
                *out++ = EXPRESSION;
            }
        }
    }
}
