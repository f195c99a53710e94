// The loops, compiled with vectors of 512 bits.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include <cstddef>
#include <limits>

#include "kernels/real/contract.h"
#include "kernels/unrolled.h"

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

#include "kernels/target/avx512bw.h"
#include "kernels/lanes/avx512bw.h"
#include "kernels/lanes/scalar.h"
#include "kernels/real/loops.h"
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_real_loops("avx512bw", loops);

}  // namespace
}  // namespace bnn
#endif
