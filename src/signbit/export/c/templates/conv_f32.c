/* A convolution of real numbers; WEIGHTS. The order of the weights is
 * [group][8 outputs at a time][LAYOUT][output of the 8]. */
struct NAME {
    struct window window;
    int32_t groups, outputs, inputs; /* of a group */
    float padded;                    /* the number of a padded tap */
    const WEIGHT *weight;
};

static void NAME(const struct NAME *conv, const float *x, float *terms, float *out) {
    const struct window *w = &conv->window;
    const int32_t count = w->kernel_height * w->kernel_width * conv->inputs;
    for (int32_t row = 0; row < w->rows; row++) {
        for (int32_t column = 0; column < w->columns; column++) {
            const WEIGHT *weight = conv->weight;
            for (int32_t group = 0; group < conv->groups; group++) {
                gather_f32(w, conv->groups * conv->inputs, group * conv->inputs, conv->inputs, x,
                           conv->padded, row, column, terms);
                for (int32_t output = 0; output < conv->outputs; output += 8) {
                    float sums[8] = {0};
                    for (int32_t t = 0; t < count; t++) {
                        for (int32_t lane = 0; lane < 8; lane++) TERM;
                    }
                    for (int32_t lane = 0; lane < 8 && output + lane < conv->outputs; lane++) {
                        *out++ = sums[lane];
                    }
                    weight += STEP * 8;
                }
            }
        }
    }
}
