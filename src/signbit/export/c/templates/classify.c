static const float *run(SHARED) {
CALLS    return PLACE;
}

void NAME_FUNCTION(EVERY) {
    const float *found = run(PASSED);
    for (int c = 0; c < UPPER_CLASSES; c++) SCORES[c] = found[c];
}

int NAME_classify(SHARED) {
    const float *scores = run(PASSED);
    int best = 0;
    for (int c = 1; c < UPPER_CLASSES; c++) {
        if (scores[c] > scores[best]) best = c;
    }
    return best;
}
