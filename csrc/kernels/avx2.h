// The target of functions that use AVX2, comparisons of a block of channels, and additions in place.
// Without the latter, GCC adds into another register and copies the sum back, in every round of a loop
// with many sums.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstdint>

#define BNN_AVX2 __attribute__((target("avx2")))

namespace bnn {

BNN_AVX2 inline void add_u8_to(__m256i& total, __m256i bytes) {
    asm("vpaddb %1, %0, %0" : "+x"(total) : "x"(bytes));
}

BNN_AVX2 inline void add_u16_to(__m256i& total, __m256i halves) {
    asm("vpaddw %1, %0, %0" : "+x"(total) : "x"(halves));
}

// The word of 64 comparisons, first > second. Both are aligned.
BNN_AVX2 inline std::uint64_t greater_i32x64(const std::int32_t* first, const std::int32_t* second) {
    std::uint64_t word = 0;
    for (int k = 0; k < 64; k += 8) {
        const __m256i greater =
            _mm256_cmpgt_epi32(_mm256_load_si256(reinterpret_cast<const __m256i*>(first + k)),
                               _mm256_load_si256(reinterpret_cast<const __m256i*>(second + k)));
        const int bits = _mm256_movemask_ps(_mm256_castsi256_ps(greater));
        word |= std::uint64_t{static_cast<std::uint32_t>(bits)} << k;
    }
    return word;
}

}  // namespace bnn
#endif
