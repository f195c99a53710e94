// XOR, popcount and addition of 16 lanes of 32 bits: three instructions for 512 binary
// multiply-adds. A tile of 4 positions by 64 channels keeps 16 counts in registers. For each lane of
// the window it loads 4 vectors of weights and broadcasts 4 lanes of the input. These are 8 loads for
// 48 instructions, so the vector ports are the bound.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include "kernels/conv_bits/broadcast.h"

namespace bnn {
namespace {

constexpr int vectors = broadcast_channels / 16;

struct Tile {
    using Lane = std::uint32_t;
    using Count = std::int32_t;
    static constexpr int max_terms = 1 << 30;
    static constexpr int positions = 4;

    template <int n>
    struct Totals {
        __m512i at[n][vectors];
    };

    template <int n>
    BNN_AVX512_VPOPCNTDQ static inline Totals<n> count(const LaneWindow<Lane, n>& window) {
        Totals<n> totals;
        for (int k = 0; k < n; ++k)
            for (int v = 0; v < vectors; ++v) totals.at[k][v] = _mm512_setzero_si512();
        const Lane* weights = window.weights;
// Otherwise GCC copies every accumulator once for each lane.
#pragma GCC unroll 4
        for (int lane = 0; lane < window.lanes; ++lane, weights += broadcast_channels) {
            __m512i weight[vectors];
            for (int v = 0; v < vectors; ++v) weight[v] = _mm512_load_si512(weights + v * 16);
            for (int k = 0; k < n; ++k) {
                const __m512i seen = _mm512_set1_epi32(static_cast<int>(window.lane(k, lane)));
                for (int v = 0; v < vectors; ++v)
                    totals.at[k][v] = _mm512_add_epi32(
                        totals.at[k][v], _mm512_popcnt_epi32(_mm512_xor_si512(seen, weight[v])));
            }
        }
        return totals;
    }

    template <int n>
    BNN_AVX512_VPOPCNTDQ static std::array<std::uint64_t, n> bits(
        const LaneWindow<Lane, n>& window, const std::array<const Count*, n>& limits) {
        const Totals<n> totals = count<n>(window);
        std::array<std::uint64_t, n> words{};
        for (int k = 0; k < n; ++k)
            for (int v = 0; v < vectors; ++v)
                words[k] |= std::uint64_t{_mm512_cmpgt_epi32_mask(
                                _mm512_load_si512(limits[k] + v * 16), totals.at[k][v])}
                            << (v * 16);
        return words;
    }

    template <int n>
    BNN_AVX512_VPOPCNTDQ static void counts(const LaneWindow<Lane, n>& window, Count* counts) {
        const Totals<n> totals = count<n>(window);
        for (int k = 0; k < n; ++k)
            for (int v = 0; v < vectors; ++v)
                _mm512_store_si512(counts + k * broadcast_channels + v * 16, totals.at[k][v]);
    }
};

[[maybe_unused]] const bool registered =
    ConvBitsTable::add("avx512vpopcntdq", ConvBitsBroadcast<Tile>::make);

}  // namespace
}  // namespace bnn
#endif
