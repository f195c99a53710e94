// Fused multiply-adds of 16 floats. A tile of 6 positions by 64 channels keeps 24 sums in registers; for
// each term it loads 4 vectors of weights and broadcasts 6 numbers of the input.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512

#include <algorithm>
#include <utility>

#include "kernels/aligned.h"
#include "kernels/conv_f32/contract.h"
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
    static constexpr int lanes = 16;

    static Numbers load(const float* at) { return _mm512_loadu_ps(at); }
    static void store(float* at, Numbers numbers) { _mm512_storeu_ps(at, numbers); }
    static Numbers all(const float* at) { return _mm512_set1_ps(*at); }
    static Numbers zero() { return _mm512_setzero_ps(); }
    static Numbers multiply_add(Numbers a, Numbers b, Numbers c) {
        return avx512_multiply_add(a, b, c);
    }
};

struct Tile {
    static constexpr int vectors = 4;
    static constexpr int positions(int vectors) { return vectors == 4 ? 6 : 12; }
};

}  // namespace
}  // namespace bnn

#include "kernels/conv_f32/broadcast.h"
#include "kernels/conv_f32/depthwise.h"

#if defined(BNN_EMULATE_AVX512)
#elif defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvF32Table::add("avx512bw", ConvF32Depthwise::make) &&
                                         ConvF32Table::add("avx512bw", ConvF32Broadcast::make);

}  // namespace
}  // namespace bnn
#endif
