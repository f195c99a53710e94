// XOR, popcount and addition of 16 bytes: three instructions for 128 binary multiply-adds. A tile
// of 4 positions by 64 channels, or 8 by fewer, keeps its vectors of byte counts in registers. They are widened
// before a byte could exceed 255.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/conv_bits/broadcast.h"

namespace bnn {
namespace {

// A lane adds 8 at most to a byte: 31 of them reach 248.
constexpr int lanes_per_flush = 31;

struct Tile {
    using Lane = std::uint8_t;
    using Count = std::uint16_t;
    static constexpr int max_terms = 65534;
    static constexpr int positions(int vectors) { return vectors > 2 ? 4 : 8; }

    template <int n, int vectors>
    static inline void add_lanes(const LaneWindow<Lane, n>& window, int lane, int end,
                                 uint8x16_t (&bytes)[n][vectors]) {
        const Lane* weights = window.weights + static_cast<std::ptrdiff_t>(lane) * vectors * 16;
        for (; lane < end; ++lane, weights += vectors * 16) {
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

    template <int n, int vectors>
    static void counts(const LaneWindow<Lane, n>& window, Count* counts) {
        std::fill_n(counts, n * vectors * 16, Count{0});
        for (int lane = 0; lane < window.lanes; lane += lanes_per_flush) {
            uint8x16_t bytes[n][vectors];
            for (int k = 0; k < n; ++k)
                for (int v = 0; v < vectors; ++v) bytes[k][v] = vdupq_n_u8(0);
            add_lanes<n, vectors>(window, lane, std::min(lane + lanes_per_flush, window.lanes),
                                  bytes);
            for (int k = 0; k < n; ++k)
                for (int v = 0; v < vectors; ++v)
                    widen(bytes[k][v], counts + (k * vectors + v) * 16);
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

    template <int n, int vectors>
    static std::array<std::uint64_t, n> bits(const LaneWindow<Lane, n>& window,
                                             const std::array<const Count*, n>& limits) {
        alignas(64) Count found[n * vectors * 16];
        counts<n, vectors>(window, found);
        std::array<std::uint64_t, n> words{};
        for (int k = 0; k < n; ++k)
            for (int v = 0; v < vectors; ++v)
                words[k] |= compare(found + (k * vectors + v) * 16, limits[k] + v * 16) << (v * 16);
        return words;
    }

    template <int n, int vectors>
    static void sums(const LaneWindow<Lane, n>& window,
                     const std::array<const std::int32_t*, n>& at_zero,
                     std::int32_t* to, std::ptrdiff_t stride) {
        alignas(64) Count found[n * vectors * 16];
        counts<n, vectors>(window, found);
        for (int k = 0; k < n; ++k)
            for (int c = 0; c < vectors * 16; ++c)
                to[k * stride + c] = at_zero[k][c] - 2 * found[k * vectors * 16 + c];
    }
};

[[maybe_unused]] const bool registered =
    ConvBitsTable::add("neon", ConvBitsBroadcast<Tile>::make);

}  // namespace
}  // namespace bnn
#endif
