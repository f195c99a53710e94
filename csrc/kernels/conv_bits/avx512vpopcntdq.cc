// XOR, popcount and addition of 16 lanes of 32 bits: three instructions for 512 binary
// multiply-adds. A tile of 4 positions by 64 channels, or 8 by fewer, keeps its counts in registers. For
// each lane of the window it loads the weights and broadcasts a lane of each position: 8 loads for 48
// instructions with 64 channels, so the vector ports are the bound.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include "kernels/conv_bits/broadcast.h"
#include "kernels/unrolled.h"

namespace bnn {
namespace {

struct Tile {
    using Lane = std::uint32_t;
    using Count = std::int32_t;
    static constexpr int max_terms = 1 << 30;
    static constexpr int positions(int vectors) { return vectors > 2 ? 4 : 8; }

    template <int n, int vectors>
    using Totals = __m512i[n][vectors];

    template <int n, int vectors>
    BNN_AVX512_VPOPCNTDQ static inline void count(const LaneWindow<Lane, n>& window,
                                                  Totals<n, vectors>& totals) {
        BNN_UNROLLED for (int k = 0; k < n; ++k)
            BNN_UNROLLED for (int v = 0; v < vectors; ++v) totals[k][v] = _mm512_setzero_si512();
        const Lane* weights = window.weights;
// Otherwise GCC copies every accumulator once for each lane.
#pragma GCC unroll 4
        for (int lane = 0; lane < window.lanes; ++lane, weights += vectors * vector_channels) {
            __m512i weight[vectors];
            BNN_UNROLLED for (int v = 0; v < vectors; ++v) weight[v] = _mm512_load_si512(weights + v * 16);
            BNN_UNROLLED for (int k = 0; k < n; ++k) {
                const __m512i seen = _mm512_set1_epi32(static_cast<int>(window.lane(k, lane)));
                BNN_UNROLLED for (int v = 0; v < vectors; ++v)
                    totals[k][v] = _mm512_add_epi32(
                        totals[k][v], _mm512_popcnt_epi32(_mm512_xor_si512(seen, weight[v])));
            }
        }
    }

    template <int n, int vectors>
    BNN_AVX512_VPOPCNTDQ static std::array<std::uint64_t, n> bits(
        const LaneWindow<Lane, n>& window, const std::array<const Count*, n>& limits) {
        Totals<n, vectors> totals;
        count<n, vectors>(window, totals);
        std::array<std::uint64_t, n> words{};
        BNN_UNROLLED for (int k = 0; k < n; ++k)
            BNN_UNROLLED for (int v = 0; v < vectors; ++v)
                words[k] |= std::uint64_t{_mm512_cmpgt_epi32_mask(
                                _mm512_load_si512(limits[k] + v * 16), totals[k][v])}
                            << (v * 16);
        return words;
    }

    template <int n, int vectors>
    BNN_AVX512_VPOPCNTDQ static void sums(const LaneWindow<Lane, n>& window,
                                          const std::array<const std::int32_t*, n>& at_zero,
                                          std::int32_t* to, std::ptrdiff_t stride) {
        Totals<n, vectors> totals;
        count<n, vectors>(window, totals);
        BNN_UNROLLED for (int k = 0; k < n; ++k)
            BNN_UNROLLED for (int v = 0; v < vectors; ++v)
                _mm512_storeu_si512(
                    to + k * stride + v * 16,
                    _mm512_sub_epi32(_mm512_load_si512(at_zero[k] + v * 16),
                                     _mm512_slli_epi32(totals[k][v], 1)));
    }
};

[[maybe_unused]] const bool registered =
    ConvBitsTable::add("avx512vpopcntdq", ConvBitsBroadcast<Tile>::make);

}  // namespace
}  // namespace bnn
#endif
