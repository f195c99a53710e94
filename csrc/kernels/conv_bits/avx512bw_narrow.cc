// 64 positions at once. For 3 nibbles of 64 positions and 8 channels: 12 shuffles, 16 additions, 4 times
// `and` and shift. These are 36 instructions for 6,144 binary multiply-adds, in addition to 15 loads.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include <algorithm>
#include <bit>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/bits.h"
#include "kernels/conv_bits/contract.h"
#include "kernels/unrolled.h"

#include "kernels/target/avx512bw.h"

namespace bnn {
namespace {

struct Bytes {
    using Vector = __m512i;
    static constexpr int size = 64, lanes = 4;

    static Vector zero() { return _mm512_setzero_si512(); }
    static Vector load(const std::uint8_t* at) { return _mm512_loadu_si512(at); }
    static Vector table_at(const std::uint8_t* at) {
        return _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(at)));
    }
    static Vector look_up(Vector table, Vector indices) {
        return _mm512_shuffle_epi8(table, indices);
    }
    static Vector add(Vector a, Vector b) { return _mm512_add_epi8(a, b); }
    static void add_to(Vector& total, Vector a) { total = _mm512_add_epi8(total, a); }
    static Vector subtract(Vector a, Vector b) { return _mm512_sub_epi8(a, b); }
    static Vector upper_half(Vector a) {
        return _mm512_and_si512(_mm512_srli_epi16(a, 4), _mm512_set1_epi8(15));
    }
    static Vector shifted_up(Vector a) {
        return _mm512_and_si512(_mm512_slli_epi16(a, 4), _mm512_set1_epi8(static_cast<char>(0xf0)));
    }
    template <int bytes>
    static Vector low(Vector a, Vector b) {
        if constexpr (bytes == 1) return _mm512_unpacklo_epi8(a, b);
        if constexpr (bytes == 2) return _mm512_unpacklo_epi16(a, b);
        return _mm512_unpacklo_epi32(a, b);
    }
    template <int bytes>
    static Vector high(Vector a, Vector b) {
        if constexpr (bytes == 1) return _mm512_unpackhi_epi8(a, b);
        if constexpr (bytes == 2) return _mm512_unpackhi_epi16(a, b);
        return _mm512_unpackhi_epi32(a, b);
    }
    template <int number>
    static __m128i lane(Vector a) {
        return _mm512_extracti32x4_epi32(a, number);
    }
};

}  // namespace
}  // namespace bnn

#include "kernels/conv_bits/narrow.h"
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvBitsTable::add("avx512bw", ConvBitsNarrow::make);

}  // namespace
}  // namespace bnn
#endif
