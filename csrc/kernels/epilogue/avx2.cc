// The epilogue with vectors of 8 floats: 8 of them hold the 64 channels of a position.
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstdint>

#include "kernels/epilogue/contract.h"
#include "kernels/unrolled.h"

// Clang ignores GCC's pragma.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace bnn {
namespace {

struct Lanes {
    using Numbers = __m256;
    static constexpr int lanes = 8, positions = 1;

    static Numbers load(const float* at) { return _mm256_loadu_ps(at); }
    static Numbers load(const std::int32_t* at) {
        return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    }
    static void store(float* at, Numbers numbers) { _mm256_storeu_ps(at, numbers); }
    static Numbers all(float number) { return _mm256_set1_ps(number); }
    static Numbers multiply_add(Numbers a, Numbers b, Numbers c) { return _mm256_fmadd_ps(a, b, c); }
    static Numbers add(Numbers a, Numbers b) { return _mm256_add_ps(a, b); }
    // Of two numbers of which one is NaN, these instructions take the second.
    static Numbers raise(Numbers low, Numbers a) { return _mm256_max_ps(low, a); }
    static Numbers lower(Numbers high, Numbers a) { return _mm256_min_ps(high, a); }
    static Numbers prelu(Numbers a, Numbers slope) {
        return _mm256_blendv_ps(_mm256_mul_ps(a, slope), a,
                                _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GT_OQ));
    }
    static unsigned above(Numbers a, Numbers signs, Numbers limits) {
        return static_cast<unsigned>(_mm256_movemask_ps(
            _mm256_cmp_ps(_mm256_xor_ps(a, signs), limits, _CMP_GT_OQ)));
    }
};

}  // namespace
}  // namespace bnn

#include "kernels/epilogue/rows.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_epilogue("avx2", finish_row);

}  // namespace
}  // namespace bnn
#endif
