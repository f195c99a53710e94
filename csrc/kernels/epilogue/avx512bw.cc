// The epilogue with vectors of 16 floats: 16 of them hold the 64 channels of 4 positions.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include <cstdint>

#include "kernels/epilogue/contract.h"
#include "kernels/unrolled.h"

#if defined(BNN_EMULATE_AVX512)
#elif defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw")
#endif

namespace bnn {
namespace {

struct Lanes {
    using Numbers = __m512;
    static constexpr int lanes = 16, positions = 4;

    static Numbers load(const float* at) { return _mm512_loadu_ps(at); }
    static Numbers load(const std::int32_t* at) {
        return avx512_floats(_mm512_loadu_si512(at));
    }
    static void store(float* at, Numbers numbers) { _mm512_storeu_ps(at, numbers); }
    static Numbers all(float number) { return _mm512_set1_ps(number); }
    static Numbers multiply_add(Numbers a, Numbers b, Numbers c) {
        return avx512_multiply_add(a, b, c);
    }
    static Numbers add(Numbers a, Numbers b) { return _mm512_add_ps(a, b); }
    // Of two numbers of which one is NaN, these instructions take the second.
    static Numbers raise(Numbers low, Numbers a) { return _mm512_max_ps(low, a); }
    static Numbers lower(Numbers high, Numbers a) { return _mm512_min_ps(high, a); }
    static Numbers prelu(Numbers a, Numbers slope) {
        const auto positive = _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_GT_OQ);
        return _mm512_mask_mov_ps(_mm512_mul_ps(a, slope), positive, a);
    }
    static unsigned above(Numbers a, Numbers signs, Numbers limits) {
        const __m512 turned = _mm512_castsi512_ps(
            _mm512_xor_si512(_mm512_castps_si512(a), _mm512_castps_si512(signs)));
        return _mm512_cmp_ps_mask(turned, limits, _CMP_GT_OQ);
    }
};

}  // namespace
}  // namespace bnn

#include "kernels/epilogue/rows.h"

#if defined(BNN_EMULATE_AVX512)
#elif defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_epilogue("avx512bw", finish_row);

}  // namespace
}  // namespace bnn
#endif
