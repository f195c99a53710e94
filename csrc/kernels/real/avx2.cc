// The loops, compiled with vectors of 256 bits and fused multiply-adds.
#if defined(__x86_64__)
#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/avx2.h"
#include "kernels/real/contract.h"
#include "kernels/unrolled.h"

namespace bnn {
namespace {

struct Comparison {
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

}  // namespace
}  // namespace bnn

#include "kernels/target/avx2.h"
#include "kernels/lanes/avx2.h"
#include "kernels/lanes/scalar.h"
#include "kernels/real/loops.h"
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_real_loops("avx2", loops);

}  // namespace
}  // namespace bnn
#endif
