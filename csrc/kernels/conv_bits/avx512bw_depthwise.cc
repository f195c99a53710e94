// Depthwise convolution, whose counts AVX-512 turns into numbers by masks.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include <algorithm>
#include <array>
#include <bit>

#include "kernels/conv_bits/contract.h"
#include "kernels/unrolled.h"

#include "kernels/target/avx512bw.h"

namespace bnn {
namespace {

struct Words {
    using Vector = __m512i;
    static constexpr int count = 8;

    static Vector load(const std::uint64_t* at) { return _mm512_loadu_si512(at); }
    static void store(std::uint64_t* at, Vector words) { _mm512_storeu_si512(at, words); }
    static Vector zero() { return _mm512_setzero_si512(); }
    static Vector both(Vector a, Vector b) { return _mm512_and_si512(a, b); }
    static Vector either(Vector a, Vector b) { return _mm512_or_si512(a, b); }
    static Vector one_of(Vector a, Vector b) { return _mm512_xor_si512(a, b); }
    static Vector second_only(Vector a, Vector b) { return _mm512_andnot_si512(a, b); }
};

// Bit k of a count takes 2^(k + 1) off.
template <int count>
inline void write_sums(const std::uint64_t* planes, const std::int32_t* at_zero, std::int32_t* to) {
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
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered =
    ConvBitsTable::add("avx512vpopcntdq", ConvBitsDepthwise::make) &&
    ConvBitsTable::add("avx512bw", ConvBitsDepthwise::make);

}  // namespace
}  // namespace bnn
#endif
