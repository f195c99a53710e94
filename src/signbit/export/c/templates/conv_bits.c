/* Binary convolution. The words of a position are those of its groups, one after the other. The
 * order of the weights is [group][8 outputs at a time][tap][word][output of the 8]. */
struct conv_bits {
    struct window window;
    int32_t groups, outputs; /* of a group */
    int32_t bits, words;     /* of a group at a position */
    const uint32_t *weight;
    const uint32_t *padded;  /* the words that a padded tap counts as; null where it adds nothing */
};

/* Writes the runs under the window to `runs`; returns how many bits they hold. */
static int32_t find_runs(const struct conv_bits *conv, const uint32_t *x, int32_t row,
                         int32_t column, struct run *runs, int32_t *count) {
    const struct window *w = &conv->window;
    int32_t bits = 0, weight = 0;
    *count = 0;
    for (int32_t i = 0; i < w->kernel_height; i++) {
        for (int32_t j = 0; j < w->kernel_width; j++, weight += 8 * conv->words) {
            const int32_t at = under_tap(w, row, column, i, j);
            const uint32_t *from = at < 0 ? conv->padded : x + at * conv->groups * conv->words;
            struct run *last = runs + *count - 1;
            if (from == NULL) continue;
            bits += conv->bits;
            if (*count > 0 && last->x + last->words == from &&
                last->weight + 8 * last->words == weight) {
                last->words += conv->words;
                continue;
            }
            runs[*count].x = from;
            runs[*count].weight = weight;
            runs[*count].words = conv->words;
            *count += 1;
        }
    }
    return bits;
}

/* Writes the sums of all outputs at a position, and after them up to 7 meaningless numbers. */
static void sums_of_bits(const struct conv_bits *conv, const uint32_t *x, int32_t row,
                         int32_t column, int32_t *sums) {
    const struct window *w = &conv->window;
    const uint32_t *weight = conv->weight;
    struct run runs[MOST_RUNS];
    int32_t count;
    for (int32_t group = 0; group < conv->groups; group++, sums += conv->outputs) {
        const int32_t bits =
            find_runs(conv, x + group * conv->words, row, column, runs, &count);
        for (int32_t output = 0; output < conv->outputs; output += 8) {
            count_differing(runs, count, weight, sums + output);
            for (int32_t lane = output; lane < output + 8; lane++) {
                sums[lane] = bits - 2 * sums[lane];
            }
            weight += 8 * conv->words * w->kernel_height * w->kernel_width;
        }
    }
}

/* With a threshold, writes bits, and `sums` is scratch memory for one row. Else writes sums. */
static void conv_bits(const struct conv_bits *conv, const struct threshold_i32 *threshold,
                      const uint32_t *x, int32_t *sums, uint32_t *bits) {
    const int32_t channels = conv->groups * conv->outputs;
    for (int32_t row = 0; row < conv->window.rows; row++) {
        for (int32_t column = 0; column < conv->window.columns; column++) {
            sums_of_bits(conv, x, row, column, sums);
            if (threshold == NULL) {
                sums += channels;
            } else {
                bits_of_i32(threshold, sums, bits);
                bits += (channels + 31) / 32;
            }
        }
    }
}
