// The loops, compiled with vectors of 256 bits and fused multiply-adds.
#if defined(__x86_64__)
#include <cstddef>
#include <cstdint>

#include "kernels/avx2.h"
#include "kernels/real/contract.h"

namespace bnn {
namespace {

struct Eight {
    static constexpr int lanes = 8;

    BNN_AVX2 static unsigned less(const float* a, const float* b) {
        return static_cast<unsigned>(_mm256_movemask_ps(
            _mm256_cmp_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b), _CMP_LT_OQ)));
    }
    BNN_AVX2 static unsigned less(const std::int32_t* a, const std::int32_t* b) {
        const auto* left = reinterpret_cast<const __m256i*>(a);
        const auto* right = reinterpret_cast<const __m256i*>(b);
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(
            _mm256_cmpgt_epi32(_mm256_loadu_si256(right), _mm256_loadu_si256(left)))));
    }
};

// Sums of `windows_at_once` windows stay in twice as many registers. Without unrolling they would be in
// memory.
template <int windows_at_once>
__attribute__((target("avx2,fma"))) void multiply_windows(const float* windows, int terms,
                                                          const float* weight, float* sums) {
    __m256 low[windows_at_once], high[windows_at_once];
#pragma GCC unroll 8
    for (int w = 0; w < windows_at_once; ++w) low[w] = high[w] = _mm256_setzero_ps();
    for (int term = 0; term < terms; ++term, weight += RealLoops::block_lanes) {
        const __m256 weight_low = _mm256_loadu_ps(weight);
        const __m256 weight_high = _mm256_loadu_ps(weight + 8);
#pragma GCC unroll 8
        for (int w = 0; w < windows_at_once; ++w) {
            const __m256 value = _mm256_broadcast_ss(windows + static_cast<std::ptrdiff_t>(w) * terms + term);
            low[w] = _mm256_fmadd_ps(value, weight_low, low[w]);
            high[w] = _mm256_fmadd_ps(value, weight_high, high[w]);
        }
    }
#pragma GCC unroll 8
    for (int w = 0; w < windows_at_once; ++w) {
        _mm256_storeu_ps(sums + w * RealLoops::block_lanes, low[w]);
        _mm256_storeu_ps(sums + w * RealLoops::block_lanes + 8, high[w]);
    }
}

void multiply_block(const float* windows, int terms, int count, const float* weight, float* sums) {
    if (count == RealLoops::block_windows)
        return multiply_windows<RealLoops::block_windows>(windows, terms, weight, sums);
    for (int w = 0; w < count; ++w)
        multiply_windows<1>(windows + static_cast<std::ptrdiff_t>(w) * terms, terms, weight,
                            sums + w * RealLoops::block_lanes);
}

}  // namespace
}  // namespace bnn

// Clang ignores GCC's pragma.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "kernels/real/loops.h"
#pragma clang attribute pop
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#include "kernels/real/loops.h"
#pragma GCC pop_options
#endif

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_real_loops("avx2", loops);

}  // namespace
}  // namespace bnn
#endif
