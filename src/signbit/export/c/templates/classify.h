/* Returns the class with the highest score of SCORES; of equal scores, the first.OTHERS */
int NAME_classify(SHARED);
