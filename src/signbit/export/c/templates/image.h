/* pixels: UPPER_HEIGHT rows of UPPER_WIDTH pixels of UPPER_CHANNELS bytes, 0 to 255. */

/* The class with the highest score, the first of equal ones. */
int NAME_classify(const uint8_t *pixels);

/* All scores: UPPER_CLASSES numbers. */
void NAME_scores(const uint8_t *pixels, float *scores);

/* The same, by the name that it has for networks of other inputs and outputs. */
static inline void NAME_run(const uint8_t *pixels, float *scores) { NAME_scores(pixels, scores); }
