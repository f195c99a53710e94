// Fused multiply-adds of 4 floats. A tile of 6 positions by 16 channels keeps 24 sums in registers.
#if defined(__aarch64__)
#include <arm_neon.h>

#include <algorithm>
#include <utility>

#include "kernels/aligned.h"
#include "kernels/conv_f32/contract.h"
#include "kernels/unrolled.h"

namespace bnn {
namespace {

struct Lanes {
    using Numbers = float32x4_t;
    static constexpr int lanes = 4;

    static Numbers load(const float* at) { return vld1q_f32(at); }
    static void store(float* at, Numbers numbers) { vst1q_f32(at, numbers); }
    static Numbers all(const float* at) { return vld1q_dup_f32(at); }
    static Numbers zero() { return vdupq_n_f32(0); }
    static Numbers multiply_add(Numbers a, Numbers b, Numbers c) { return vfmaq_f32(c, a, b); }
};

struct Tile {
    static constexpr int vectors = 4;
    static constexpr int positions(int vectors) { return vectors == 4 ? 6 : 12; }
};

}  // namespace
}  // namespace bnn

#include "kernels/conv_f32/broadcast.h"
#include "kernels/conv_f32/depthwise.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvF32Table::add("neon", ConvF32Depthwise::make) &&
                                         ConvF32Table::add("neon", ConvF32Broadcast::make);

}  // namespace
}  // namespace bnn
#endif
