// The target of functions that use AVX2, and additions in place. Without these, GCC adds into another
// register and copies the sum back, in every round of a loop with many sums.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#define BNN_AVX2 __attribute__((target("avx2")))

namespace bnn {

BNN_AVX2 inline void add_u8_to(__m256i& total, __m256i bytes) {
    asm("vpaddb %1, %0, %0" : "+x"(total) : "x"(bytes));
}

BNN_AVX2 inline void add_u16_to(__m256i& total, __m256i halves) {
    asm("vpaddw %1, %0, %0" : "+x"(total) : "x"(halves));
}

}  // namespace bnn
#endif
