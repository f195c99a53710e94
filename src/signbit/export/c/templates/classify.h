/* The class with the highest number of SCORES, the first of equal ones.OTHERS */
int NAME_classify(SHARED);
