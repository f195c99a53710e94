// 32 positions at once. For 3 nibbles of 32 positions and 8 channels: 12 shuffles, 16 additions, 4 times
// `and` and shift. These are 36 instructions for 3,072 binary multiply-adds, in addition to 15 loads.
#if defined(__x86_64__)
#include <immintrin.h>
#include <algorithm>
#include <bit>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/avx2.h"
#include "kernels/bits.h"
#include "kernels/conv_bits/contract.h"
#include "kernels/unrolled.h"

#include "kernels/target/avx2.h"

namespace bnn {
namespace {

struct Bytes {
    using Vector = __m256i;
    static constexpr int size = 32, lanes = 2;

    static Vector zero() { return _mm256_setzero_si256(); }
    static Vector load(const std::uint8_t* at) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    }
    static Vector table_at(const std::uint8_t* at) {
        return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(at)));
    }
    static Vector look_up(Vector table, Vector indices) {
        return _mm256_shuffle_epi8(table, indices);
    }
    static Vector add(Vector a, Vector b) { return _mm256_add_epi8(a, b); }
    static void add_to(Vector& total, Vector a) { add_u8_to(total, a); }
    static Vector subtract(Vector a, Vector b) { return _mm256_sub_epi8(a, b); }
    static Vector upper_half(Vector a) {
        return _mm256_and_si256(_mm256_srli_epi16(a, 4), _mm256_set1_epi8(15));
    }
    static Vector shifted_up(Vector a) {
        return _mm256_and_si256(_mm256_slli_epi16(a, 4), _mm256_set1_epi8(static_cast<char>(0xf0)));
    }
    template <int bytes>
    static Vector low(Vector a, Vector b) {
        if constexpr (bytes == 1) return _mm256_unpacklo_epi8(a, b);
        if constexpr (bytes == 2) return _mm256_unpacklo_epi16(a, b);
        return _mm256_unpacklo_epi32(a, b);
    }
    template <int bytes>
    static Vector high(Vector a, Vector b) {
        if constexpr (bytes == 1) return _mm256_unpackhi_epi8(a, b);
        if constexpr (bytes == 2) return _mm256_unpackhi_epi16(a, b);
        return _mm256_unpackhi_epi32(a, b);
    }
    template <int number>
    static __m128i lane(Vector a) {
        return _mm256_extracti128_si256(a, number);
    }
};

}  // namespace
}  // namespace bnn

#include "kernels/conv_bits/narrow.h"
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvBitsTable::add("avx2", ConvBitsNarrow::make);

}  // namespace
}  // namespace bnn
#endif
