/* Binary weights on pixels. A pixel counts as multiplier * pixel + offset, a padded one as 0. The
 * order of the weights is [group][8 outputs at a time][word of 32 terms][output of the 8]. */
struct conv_u8 {
    struct window window;
    int32_t groups, outputs, inputs; /* of a group */
    int32_t multiplier, offset;
    const uint32_t *weight;
};

static void gather_pixels(const struct conv_u8 *conv, const uint8_t *x, int32_t row,
                          int32_t column, int32_t *terms) {
    const struct window *w = &conv->window;
    for (int32_t i = 0; i < w->kernel_height; i++) {
        for (int32_t j = 0; j < w->kernel_width; j++) {
            const int32_t at = under_tap(w, row, column, i, j);
            for (int32_t c = 0; c < conv->inputs; c++) {
                *terms++ = at < 0 ? 0 : conv->multiplier * x[at * conv->groups * conv->inputs + c] +
                                            conv->offset;
            }
        }
    }
}

/* Writes the sums of a group at a position, and after them up to 7 meaningless numbers. Returns the
 * weights of the next group. */
static const uint32_t *sums_of_u8(const struct conv_u8 *conv, const uint32_t *weight, int32_t count,
                                  const int32_t *terms, int32_t *sums) {
    int32_t all = 0;
    for (int32_t t = 0; t < count; t++) all += terms[t];
    for (int32_t output = 0; output < conv->outputs; output += 8) {
        int32_t plus[8] = {0}; /* the terms whose weight is +1 */
        for (int32_t t = 0; t < count; t++) {
            const uint32_t *word = weight + t / 32 * 8;
            for (int32_t lane = 0; lane < 8; lane++) {
                plus[lane] += terms[t] & -(int32_t)(word[lane] >> t % 32 & 1u);
            }
        }
        for (int32_t lane = 0; lane < 8; lane++) {
            sums[output + lane] = plus[lane] - (all - plus[lane]);
        }
        weight += (count + 31) / 32 * 8;
    }
    return weight;
}

/* With a threshold, writes bits, and `sums` is scratch memory for one row. Else writes sums. */
static void conv_u8(const struct conv_u8 *conv, const struct threshold_i32 *threshold,
                    const uint8_t *x, int32_t *terms, int32_t *sums, uint32_t *bits) {
    const struct window *w = &conv->window;
    const int32_t channels = conv->groups * conv->outputs;
    const int32_t count = w->kernel_height * w->kernel_width * conv->inputs;
    for (int32_t row = 0; row < w->rows; row++) {
        for (int32_t column = 0; column < w->columns; column++) {
            const uint32_t *weight = conv->weight;
            for (int32_t group = 0; group < conv->groups; group++) {
                gather_pixels(conv, x + group * conv->inputs, row, column, terms);
                weight = sums_of_u8(conv, weight, count, terms, sums + group * conv->outputs);
            }
            if (threshold == NULL) {
                sums += channels;
            } else {
                bits_of_i32(threshold, sums, bits);
                bits += (channels + 31) / 32;
            }
        }
    }
}
