void NAME_run(EVERY) {
CALLS}
