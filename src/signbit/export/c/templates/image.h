/* pixels: UPPER_HEIGHT rows of UPPER_WIDTH pixels of UPPER_CHANNELS bytes, 0 to 255. */

/* Returns the class with the highest score; of equal scores, the first. */
int NAME_classify(const uint8_t *pixels);

/* Writes all scores: UPPER_CLASSES numbers. */
void NAME_scores(const uint8_t *pixels, float *scores);

/* The same function under the name that networks with other inputs and outputs use. */
static inline void NAME_run(const uint8_t *pixels, float *scores) { NAME_scores(pixels, scores); }
