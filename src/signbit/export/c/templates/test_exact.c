/* Whole numbers and words. size: bytes of an element. */
static void check_exact(const char *output, int32_t count, const void *found, const void *golden,
                        size_t size) {
    for (int32_t i = 0; i < count; i++) {
        const size_t at = (size_t)i * size;
        if (memcmp((const char *)found + at, (const char *)golden + at, size) != 0) {
            printf("FAIL NAME: sample %d, %s[%ld] differs\n", sample, output, (long)i);
            failures++;
        }
    }
}
