// Depthwise convolution, whose bits AVX2 spreads over bytes to turn counts into numbers.
#if defined(__x86_64__)
#include <algorithm>
#include <array>
#include <bit>

#include <immintrin.h>

#include "kernels/conv_bits/contract.h"
#include "kernels/unrolled.h"

#include "kernels/target/avx2.h"

namespace bnn {
namespace {

struct Words {
    using Vector = __m256i;
    static constexpr int count = 4;

    static Vector load(const std::uint64_t* at) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    }
    static void store(std::uint64_t* at, Vector words) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), words);
    }
    static Vector zero() { return _mm256_setzero_si256(); }
    static Vector both(Vector a, Vector b) { return _mm256_and_si256(a, b); }
    static Vector either(Vector a, Vector b) { return _mm256_or_si256(a, b); }
    static Vector one_of(Vector a, Vector b) { return _mm256_xor_si256(a, b); }
    static Vector second_only(Vector a, Vector b) { return _mm256_andnot_si256(a, b); }
};

// A byte for each of 32 bits: `value` where it is set, else 0.
inline __m256i spread_bits(std::uint32_t bits, int value) {
    const __m256i source = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202,
                                              0x0303030303030303);
    const __m256i place = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), source);
    const __m256i is_set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, place), place);
    return _mm256_and_si256(is_set, _mm256_set1_epi8(static_cast<char>(value)));
}

inline void write_eight(__m128i counts, const std::int32_t* at_zero, std::int32_t* to) {
    const __m256i twice = _mm256_slli_epi32(_mm256_cvtepu8_epi32(counts), 1);
    _mm256_storeu_si256(
        reinterpret_cast<__m256i*>(to),
        _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at_zero)), twice));
}

// Bit k of a count takes 2^(k + 1) off.
template <int count>
inline void write_sums(const std::uint64_t* planes, const std::int32_t* at_zero, std::int32_t* to) {
    for (int first = 0; first < 64; first += 32) {
        __m256i counts = _mm256_setzero_si256();
        for (int plane = 0; plane < count; ++plane)
            counts = _mm256_or_si256(
                counts, spread_bits(static_cast<std::uint32_t>(planes[plane] >> first), 1 << plane));
        const __m128i lower = _mm256_castsi256_si128(counts),
                      upper = _mm256_extracti128_si256(counts, 1);
        write_eight(lower, at_zero + first, to + first);
        write_eight(_mm_srli_si128(lower, 8), at_zero + first + 8, to + first + 8);
        write_eight(upper, at_zero + first + 16, to + first + 16);
        write_eight(_mm_srli_si128(upper, 8), at_zero + first + 24, to + first + 24);
    }
}

}  // namespace
}  // namespace bnn

#include "kernels/conv_bits/depthwise.h"
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvBitsTable::add("avx2", ConvBitsDepthwise::make);

}  // namespace
}  // namespace bnn
#endif
