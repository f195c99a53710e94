// The loops, compiled with vectors of 512 bits.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include <cstddef>

#include "kernels/real/contract.h"

namespace bnn {
namespace {

struct Comparison {
    static constexpr int lanes = 16;

    BNN_AVX512_BW static unsigned less(const float* a, const float* b) {
        return _mm512_cmp_ps_mask(_mm512_loadu_ps(a), _mm512_loadu_ps(b), _CMP_LT_OQ);
    }
    BNN_AVX512_BW static unsigned less(const std::int32_t* a, const std::int32_t* b) {
        return _mm512_cmpgt_epi32_mask(_mm512_loadu_si512(b), _mm512_loadu_si512(a));
    }
};

}  // namespace
}  // namespace bnn

#if defined(BNN_EMULATE_AVX512)
#elif defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,prefer-vector-width=512")
#endif
#include "kernels/real/loops.h"
#if defined(BNN_EMULATE_AVX512)
#elif defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_real_loops("avx512bw", loops);

}  // namespace
}  // namespace bnn
#endif
