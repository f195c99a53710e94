// Fused multiply-adds of 8 floats. A tile of 6 positions by 16 channels keeps 12 sums in registers.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <utility>

#include "kernels/aligned.h"
#include "kernels/conv_f32/contract.h"
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
    static constexpr int lanes = 8;

    static Numbers load(const float* at) { return _mm256_loadu_ps(at); }
    static void store(float* at, Numbers numbers) { _mm256_storeu_ps(at, numbers); }
    static Numbers all(const float* at) { return _mm256_broadcast_ss(at); }
    static Numbers zero() { return _mm256_setzero_ps(); }
    static Numbers multiply_add(Numbers a, Numbers b, Numbers c) { return _mm256_fmadd_ps(a, b, c); }
};

struct Tile {
    static constexpr int vectors = 2;
    static constexpr int positions(int vectors) { return 12 / vectors; }
};

}  // namespace
}  // namespace bnn

#include "kernels/conv_f32/broadcast.h"
#include "kernels/conv_f32/depthwise.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvF32Table::add("avx2", ConvF32Depthwise::make) &&
                                         ConvF32Table::add("avx2", ConvF32Broadcast::make);

}  // namespace
}  // namespace bnn
#endif
