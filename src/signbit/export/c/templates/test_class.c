/* The scores are right. So the class is right if it has the highest score. */
static void check_class(void) {
    int best = 0;
    for (int c = 1; c < UPPER_CLASSES; c++) {
        if (SCORES[c] > SCORES[best]) best = c;
    }
    if (NAME_classify(PASSED) != best) {
        printf("FAIL NAME: sample %d: NAME_classify returns a wrong class\n", sample);
        failures++;
    }
}
