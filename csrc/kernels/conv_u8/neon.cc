// One tap of 8 channels by one multiply-add of 16 bits, flushed to sums of 32 bits before a half
// could overflow. A tile is 4 positions by 16 channels.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/conv_u8/broadcast.h"

namespace bnn {
namespace {

// A step adds 255 at most to a half: 128 of them reach 32640.
constexpr int max_steps = 128;

struct Tile {
    static constexpr int positions = 4;
    static constexpr int channels = 16;
    static constexpr int step_taps = 1;

    static std::array<std::uint64_t, positions> bits(const PixelWindow<positions>& window,
                                                     const PixelLimits<positions>& limits) {
        const uint32x4_t place = {1, 2, 4, 8};
        std::int32_t plain[positions * channels];
        sums(window, plain);
        std::array<std::uint64_t, positions> words{};
        for (int k = 0; k < positions; ++k) {
            for (int first = 0; first < channels; first += 4) {
                const uint32x4_t greater = vcgtq_s32(vld1q_s32(plain + k * channels + first),
                                                     vld1q_s32(limits[k] + first));
                words[k] |= std::uint64_t{vaddvq_u32(vandq_u32(greater, place))} << first;
            }
        }
        return words;
    }

    static inline void sums(const PixelWindow<positions>& window, std::int32_t* sums) {
        Halves halves = {};
        std::fill_n(sums, positions * channels, 0);
        const std::int8_t* weights = window.weights;
        for (int done = 0; done < window.steps;) {
            const int end = std::min(done + max_steps, window.steps);
            for (; done < end; ++done, weights += channels) {
                const int8x16_t weight = vld1q_s8(weights);
                const int16x8_t low = vmovl_s8(vget_low_s8(weight)), high = vmovl_high_s8(weight);
                for (int k = 0; k < positions; ++k) {
                    const auto pixel =
                        static_cast<std::int16_t>(window.pixels[k][window.offsets[done]]);
                    halves[k][0] = vmlaq_n_s16(halves[k][0], low, pixel);
                    halves[k][1] = vmlaq_n_s16(halves[k][1], high, pixel);
                }
            }
            flush(halves, sums);
        }
    }

private:
    using Halves = int16x8_t[positions][2];

    // Widens the halves into the sums, and starts them again at 0.
    static inline void flush(Halves& halves, std::int32_t* sums) {
        for (int k = 0; k < positions; ++k) {
            for (int half = 0; half < 2; ++half) {
                std::int32_t* to = sums + k * channels + half * 8;
                vst1q_s32(to, vaddw_s16(vld1q_s32(to), vget_low_s16(halves[k][half])));
                vst1q_s32(to + 4, vaddw_high_s16(vld1q_s32(to + 4), halves[k][half]));
                halves[k][half] = vdupq_n_s16(0);
            }
        }
    }
};

[[maybe_unused]] const bool registered = ConvU8Table::add("neon", ConvU8Broadcast<Tile>::make);

}  // namespace
}  // namespace bnn
#endif
