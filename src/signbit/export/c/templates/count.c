/* A piece of a window: neighbouring words of the map, and the index where their weights begin. */
struct run {
    const uint32_t *x;
    int32_t weight, words;
};

/* count_differing: for each of 8 outputs, counts the bits of the runs that differ from its
 * weights. */
#if defined(__AVX2__) && !defined(UPPER_PORTABLE)
static void count_differing(const struct run *runs, int32_t count, const uint32_t *weight,
                            int32_t *differing) {
    const __m256i ones_of_nibble = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i total = _mm256_setzero_si256();
    for (int32_t r = 0; r < count; r++) {
        const uint32_t *x = runs[r].x, *w = weight + runs[r].weight;
        for (int32_t left = runs[r].words; left > 0;) {
            /* A word adds at most 8 to each byte: 31 of them reach 248. */
            const int32_t now = left < 31 ? left : 31;
            __m256i bytes = _mm256_setzero_si256();
            left -= now;
            for (int32_t i = 0; i < now; i++, w += 8) {
                const __m256i differ = _mm256_xor_si256(
                    _mm256_set1_epi32((int)*x++), _mm256_loadu_si256((const __m256i *)(const void *)w));
                const __m256i high = _mm256_and_si256(_mm256_srli_epi16(differ, 4), low);
                bytes = _mm256_add_epi8(
                    bytes, _mm256_shuffle_epi8(ones_of_nibble, _mm256_and_si256(differ, low)));
                bytes = _mm256_add_epi8(bytes, _mm256_shuffle_epi8(ones_of_nibble, high));
            }
            total = _mm256_add_epi32(
                total, _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, _mm256_set1_epi8(1)),
                                         _mm256_set1_epi16(1)));
        }
    }
    _mm256_storeu_si256((__m256i *)(void *)differing, total);
}
#elif defined(__ARM_NEON) && !defined(UPPER_PORTABLE)
static void count_differing(const struct run *runs, int32_t count, const uint32_t *weight,
                            int32_t *differing) {
    uint32x4_t total[2] = {vdupq_n_u32(0), vdupq_n_u32(0)};
    for (int32_t r = 0; r < count; r++) {
        const uint32_t *x = runs[r].x, *w = weight + runs[r].weight;
        for (int32_t left = runs[r].words; left > 0;) {
            /* A word adds at most 8 to each byte: 31 of them reach 248. */
            const int32_t now = left < 31 ? left : 31;
            uint8x16_t bytes[2] = {vdupq_n_u8(0), vdupq_n_u8(0)};
            left -= now;
            for (int32_t i = 0; i < now; i++, w += 8) {
                const uint32x4_t word = vdupq_n_u32(*x++);
                for (int32_t half = 0; half < 2; half++) {
                    const uint32x4_t differ = veorq_u32(word, vld1q_u32(w + 4 * half));
                    bytes[half] = vaddq_u8(bytes[half], vcntq_u8(vreinterpretq_u8_u32(differ)));
                }
            }
            total[0] = vpadalq_u16(total[0], vpaddlq_u8(bytes[0]));
            total[1] = vpadalq_u16(total[1], vpaddlq_u8(bytes[1]));
        }
    }
    vst1q_s32(differing, vreinterpretq_s32_u32(total[0]));
    vst1q_s32(differing + 4, vreinterpretq_s32_u32(total[1]));
}
#else
#ifndef UPPER_POPCOUNT
#if defined(__GNUC__) && (defined(__POPCNT__) || defined(__aarch64__) || defined(__riscv_zbb))
#define UPPER_POPCOUNT(word) ((uint32_t)__builtin_popcount(word))
#else
#define UPPER_POPCOUNT(word) ones_of(word)
static uint32_t ones_of(uint32_t word) {
    word -= word >> 1 & 0x55555555u;
    word = (word & 0x33333333u) + (word >> 2 & 0x33333333u);
    return ((word + (word >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}
#endif
#endif
static void count_differing(const struct run *runs, int32_t count, const uint32_t *weight,
                            int32_t *differing) {
    for (int32_t lane = 0; lane < 8; lane++) {
        uint32_t total = 0;
        for (int32_t r = 0; r < count; r++) {
            const uint32_t *x = runs[r].x, *w = weight + runs[r].weight + lane;
            for (int32_t i = 0; i < runs[r].words; i++) total += UPPER_POPCOUNT(x[i] ^ w[8 * i]);
        }
        differing[lane] = (int32_t)total;
    }
}
#endif
