/* The places of a row of elements. A place is -1 before `begin`, from `end` on, and between
 * multiples of `gap`. The other places rise by `inner_step`, and each `inner` of them start
 * `outer_step` after the ones before. The first of them is number `shift`, modulo `count`. Where no
 * such formula fits, there is a table. */
struct places {
    int32_t begin, end, gap, shift, count;
    int32_t first, inner, inner_step, outer_step;
    const int32_t *table;
};

static int32_t place_of(const struct places *p, int32_t i) {
    if (p->table != NULL) return p->table[i];
    if (i < p->begin || i >= p->end || (i - p->begin) % p->gap != 0) return -1;
    i = ((i - p->begin) / p->gap + p->shift) % p->count;
    return p->first + i / p->inner * p->outer_step + i % p->inner * p->inner_step;
}

/* Element (y, x, k) of the output is element row(y) + column(x) + channel(k) of the input, counted
 * row by row, channels innermost. It is no element of the input where one of the three is -1. */
struct move {
    int32_t height, width, channels; /* of the output */
    struct places row, column, channel;
    int32_t is_run;                  /* whether channels are copied in one piece */
};

/* The place of (y, x), without the channel; -1 where there is none. */
static int32_t position_of(const struct move *m, int32_t y, int32_t x) {
    const int32_t row = place_of(&m->row, y), column = place_of(&m->column, x);
    return row < 0 || column < 0 ? -1 : row + column;
}
