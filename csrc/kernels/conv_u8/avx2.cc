// Four taps of 8 channels by one multiply-add of bytes.
//
// Four neighbouring pixel bytes are broadcast and multiplied with four weights of -1 or +1 for
// each of 8 channels; pairs add up in 16 bits. The tile is 4 positions by 16 channels, so that
// weights are loaded once for 4 positions. Bound by the two multiply-adds a cycle.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/conv_u8/broadcast.h"

#define BNN_AVX2 __attribute__((target("avx2")))

namespace bnn {
namespace {

constexpr int tile_channels = 16;
constexpr int tile_positions = 4;
constexpr int taps = 4;
// A step adds 2 * 255 at most to a 16-bit half: 64 of them reach 32640.
constexpr int max_steps = 64;

using Window = PixelWindow<tile_positions>;

BNN_AVX2 inline __m256i four_pixels(const std::uint8_t* pixels) {
    std::int32_t four;
    std::memcpy(&four, pixels, sizeof four);
    return _mm256_set1_epi32(four);
}

// 16-bit halves of the sums of 16 channels at 4 positions.
using Halves = __m256i[tile_positions][2];

// Widens the halves into the sums, and starts them anew.
BNN_AVX2 inline void flush(Halves& halves, std::int32_t* sums) {
    const __m256i ones = _mm256_set1_epi16(1);
    for (int position = 0; position < tile_positions; ++position) {
        for (int half = 0; half < 2; ++half) {
            auto* to = reinterpret_cast<__m256i*>(sums + position * tile_channels + half * 8);
            *to = _mm256_add_epi32(*to, _mm256_madd_epi16(halves[position][half], ones));
            halves[position][half] = _mm256_setzero_si256();
        }
    }
}

// Sums of 16 channels at 4 positions: [position][channel]. Only a long window must look at how
// many steps the halves can still take.
template <bool long_window>
BNN_AVX2 void sum_tile(const Window& window, std::int32_t* sums) {
    const __m256i zero = _mm256_setzero_si256();
    Halves halves = {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
    std::fill_n(sums, tile_positions * tile_channels, 0);
    const auto* weights = reinterpret_cast<const __m256i*>(window.weights);
    [[maybe_unused]] int steps_left = max_steps;
    for (const PixelRun& run : window.runs) {
        std::ptrdiff_t offset = run.offset;
        for (int step = 0; step < run.steps; ++step, offset += taps, weights += 2) {
            if (long_window && steps_left-- == 0) {
                flush(halves, sums);
                steps_left = max_steps - 1;
            }
            for (int position = 0; position < tile_positions; ++position) {
                const __m256i pixels = four_pixels(window.pixels[position] + offset);
                for (int half = 0; half < 2; ++half) {
                    halves[position][half] =
                        _mm256_add_epi16(halves[position][half],
                                         _mm256_maddubs_epi16(pixels, weights[half]));
                }
            }
        }
    }
    flush(halves, sums);
}

// 16 bits: sum > limit.
BNN_AVX2 inline std::uint64_t greater_bits(const std::int32_t* sums, const std::int32_t* limits) {
    std::uint64_t bits = 0;
    for (int half = 0; half < 2; ++half) {
        const __m256i greater =
            _mm256_cmpgt_epi32(*reinterpret_cast<const __m256i*>(sums + half * 8),
                               *reinterpret_cast<const __m256i*>(limits + half * 8));
        bits |= std::uint64_t(_mm256_movemask_ps(_mm256_castsi256_ps(greater))) << (half * 8);
    }
    return bits;
}

struct Tile {
    static constexpr int positions = tile_positions;
    static constexpr int channels = tile_channels;
    static constexpr int step_taps = taps;

    static void sums(const Window& window, std::int32_t* sums) {
        const auto sum = window.steps > max_steps ? sum_tile<true> : sum_tile<false>;
        sum(window, sums);
    }
    static std::uint64_t compare(const std::int32_t* sums, const std::int32_t* limits) {
        return greater_bits(sums, limits);
    }
};

[[maybe_unused]] const bool registered = ConvU8Table::add("avx2", ConvU8Broadcast<Tile>::make);

}  // namespace
}  // namespace bnn
#endif
