/* The scores are right: so is the class, if it is the highest of them. */
static void check_class(void) {
    int best = 0;
    for (int c = 1; c < UPPER_CLASSES; c++) {
        if (SCORES[c] > SCORES[best]) best = c;
    }
    if (NAME_classify(PASSED) != best) {
        printf("FAIL NAME: sample %d: another class\n", sample);
        failures++;
    }
}
