/* Computes all outputs. The memory of an output must not overlap any input or other output. */
void NAME_run(EVERY);
