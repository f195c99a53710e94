// Depthwise convolution: 64-bit words, and loops that the compiler vectorizes.
#if defined(__aarch64__)
#include <algorithm>
#include <array>
#include <bit>

#include "kernels/conv_bits/contract.h"
#include "kernels/unrolled.h"

namespace bnn {
namespace {

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
