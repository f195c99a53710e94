// Depthwise convolution, whose counts AVX-512 turns into numbers by masks.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include <algorithm>
#include <array>
#include <bit>

#include "kernels/conv_bits/contract.h"
#include "kernels/unrolled.h"

namespace bnn {
namespace {

// Bit k of a count takes 2^(k + 1) off.
template <int count>
BNN_AVX512_BW inline void write_sums(const std::uint64_t* planes,
                                     const std::int32_t* at_zero, std::int32_t* to) {
    for (int first = 0; first < 64; first += 16) {
        __m512i sums = _mm512_loadu_si512(at_zero + first);
        for (int plane = 0; plane < count; ++plane)
            sums = _mm512_mask_sub_epi32(sums, static_cast<std::uint16_t>(planes[plane] >> first),
                                         sums, _mm512_set1_epi32(2 << plane));
        _mm512_storeu_si512(to + first, sums);
    }
}

}  // namespace
}  // namespace bnn

#include "kernels/conv_bits/depthwise.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered =
    ConvBitsTable::add("avx512vpopcntdq", ConvBitsDepthwise::make) &&
    ConvBitsTable::add("avx512bw", ConvBitsDepthwise::make);

}  // namespace
}  // namespace bnn
#endif
