// XOR, popcount and addition of 16 bytes: three instructions for 128 binary multiply-adds. A tile
// of 4 positions by 64 channels keeps 16 vectors of byte counts in registers. They are widened
// before a byte could exceed 255.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/conv_bits/broadcast.h"

namespace bnn {
namespace {

constexpr int vectors = broadcast_channels / 16;
// A lane adds 8 at most to a byte: 31 of them reach 248.
constexpr int lanes_per_flush = 31;

struct Tile {
    using Lane = std::uint8_t;
    using Count = std::uint16_t;
    static constexpr int max_terms = 65534;
    static constexpr int positions = 4;

    template <int n>
    static inline void add_lanes(const LaneWindow<Lane, n>& window, int lane, int end,
                                 uint8x16_t (&bytes)[n][vectors]) {
        const Lane* weights = window.weights + static_cast<std::ptrdiff_t>(lane) * broadcast_channels;
        for (; lane < end; ++lane, weights += broadcast_channels) {
            uint8x16_t weight[vectors];
            for (int v = 0; v < vectors; ++v) weight[v] = vld1q_u8(weights + v * 16);
            for (int k = 0; k < n; ++k) {
                const uint8x16_t seen = vdupq_n_u8(window.lane(k, lane));
                for (int v = 0; v < vectors; ++v)
                    bytes[k][v] = vaddq_u8(bytes[k][v], vcntq_u8(veorq_u8(seen, weight[v])));
            }
        }
    }

    static inline void widen(uint8x16_t bytes, Count* counts) {
        vst1q_u16(counts, vaddw_u8(vld1q_u16(counts), vget_low_u8(bytes)));
        vst1q_u16(counts + 8, vaddw_high_u8(vld1q_u16(counts + 8), bytes));
    }

    template <int n>
    static void counts(const LaneWindow<Lane, n>& window, Count* counts) {
        std::fill_n(counts, n * broadcast_channels, Count{0});
        for (int lane = 0; lane < window.lanes; lane += lanes_per_flush) {
            uint8x16_t bytes[n][vectors];
            for (int k = 0; k < n; ++k)
                for (int v = 0; v < vectors; ++v) bytes[k][v] = vdupq_n_u8(0);
            add_lanes<n>(window, lane, std::min(lane + lanes_per_flush, window.lanes), bytes);
            for (int k = 0; k < n; ++k)
                for (int v = 0; v < vectors; ++v)
                    widen(bytes[k][v], counts + k * broadcast_channels + v * 16);
        }
    }

    // 16 bits: count < limit.
    static inline std::uint64_t compare(const Count* counts, const Count* limits) {
        const uint8x16_t less =
            vcombine_u8(vmovn_u16(vcltq_u16(vld1q_u16(counts), vld1q_u16(limits))),
                        vmovn_u16(vcltq_u16(vld1q_u16(counts + 8), vld1q_u16(limits + 8))));
        const uint8x16_t place = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
        const uint8x16_t set = vandq_u8(less, place);
        return std::uint64_t{vaddv_u8(vget_low_u8(set))} |
               std::uint64_t{vaddv_u8(vget_high_u8(set))} << 8;
    }

    template <int n>
    static std::array<std::uint64_t, n> bits(const LaneWindow<Lane, n>& window,
                                             const std::array<const Count*, n>& limits) {
        alignas(64) Count found[n * broadcast_channels];
        counts<n>(window, found);
        std::array<std::uint64_t, n> words{};
        for (int k = 0; k < n; ++k)
            for (int v = 0; v < vectors; ++v)
                words[k] |= compare(found + k * broadcast_channels + v * 16, limits[k] + v * 16)
                            << (v * 16);
        return words;
    }
};

[[maybe_unused]] const bool registered =
    ConvBitsTable::add("neon", ConvBitsBroadcast<Tile>::make);

}  // namespace
}  // namespace bnn
#endif
