/* Computes all outputs. The memory of outputs must not overlap that of inputs or of each other. */
void NAME_run(EVERY);
