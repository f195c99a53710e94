/* The class with the highest score of SCORES, the first of equal ones.OTHERS */
int NAME_classify(SHARED);
