// Depthwise convolution, whose counts become numbers by loops that the compiler vectorizes.
#if defined(__aarch64__)
#include <arm_neon.h>

#include <algorithm>
#include <array>
#include <bit>

#include "kernels/conv_bits/contract.h"
#include "kernels/unrolled.h"

namespace bnn {
namespace {

struct Words {
    using Vector = uint64x2_t;
    static constexpr int count = 2;

    static Vector load(const std::uint64_t* at) { return vld1q_u64(at); }
    static void store(std::uint64_t* at, Vector words) { vst1q_u64(at, words); }
    static Vector zero() { return vdupq_n_u64(0); }
    static Vector both(Vector a, Vector b) { return vandq_u64(a, b); }
    static Vector either(Vector a, Vector b) { return vorrq_u64(a, b); }
    static Vector one_of(Vector a, Vector b) { return veorq_u64(a, b); }
    static Vector second_only(Vector a, Vector b) { return vbicq_u64(b, a); }
};

// Bit k of a count takes 2^(k + 1) off.
template <int count>
inline void write_sums(const std::uint64_t* planes, const std::int32_t* at_zero, std::int32_t* to) {
    std::copy_n(at_zero, 64, to);
    for (int plane = 0; plane < count; ++plane) {
        for (int half = 0; half < 2; ++half) {
            const auto bits = static_cast<std::uint32_t>(planes[plane] >> (32 * half));
            for (int channel = 0; channel < 32; ++channel)
                to[32 * half + channel] -=
                    static_cast<std::int32_t>(bits >> channel & 1) << (plane + 1);
        }
    }
}

}  // namespace
}  // namespace bnn

#include "kernels/conv_bits/depthwise.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvBitsTable::add("neon", ConvBitsDepthwise::make);

}  // namespace
}  // namespace bnn
#endif
