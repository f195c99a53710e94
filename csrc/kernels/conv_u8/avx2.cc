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

// Sums of 16 channels at 4 positions.
struct Totals {
    __m256i at[tile_positions][2];
};

// Widens the pairs of 16-bit halves, adds them to the totals, and starts them anew.
BNN_AVX2 inline void flush(Totals& halves, Totals& totals) {
    const __m256i ones = _mm256_set1_epi16(1);
    for (int position = 0; position < tile_positions; ++position) {
        for (int half = 0; half < 2; ++half) {
            __m256i& from = halves.at[position][half];
            totals.at[position][half] =
                _mm256_add_epi32(totals.at[position][half], _mm256_madd_epi16(from, ones));
            from = _mm256_setzero_si256();
        }
    }
}

BNN_AVX2 inline Totals total(const Window& window) {
    Totals halves{}, totals{};
    const auto* weights = reinterpret_cast<const __m256i*>(window.weights);
    for (int done = 0; done < window.steps;) {
        const int end = std::min(done + max_steps, window.steps);
        for (; done < end; ++done, weights += 2) {
            for (int position = 0; position < tile_positions; ++position) {
                const __m256i pixels = four_pixels(window.pixels[position] + window.offsets[done]);
                for (int half = 0; half < 2; ++half) {
                    __m256i& sum = halves.at[position][half];
                    sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(pixels, weights[half]));
                }
            }
        }
        flush(halves, totals);
    }
    return totals;
}

struct Tile {
    static constexpr int positions = tile_positions;
    static constexpr int channels = tile_channels;
    static constexpr int step_taps = taps;

    BNN_AVX2 static std::array<std::uint64_t, positions> bits(const Window& window,
                                                              const PixelLimits<positions>& limits) {
        const Totals totals = total(window);
        std::array<std::uint64_t, positions> words;
        for (int k = 0; k < positions; ++k) {
            const auto* limit = reinterpret_cast<const __m256i*>(limits[k]);
            const __m256i low = _mm256_cmpgt_epi32(totals.at[k][0], limit[0]);
            const __m256i high = _mm256_cmpgt_epi32(totals.at[k][1], limit[1]);
            words[k] = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(low)) |
                                             _mm256_movemask_ps(_mm256_castsi256_ps(high)) << 8);
        }
        return words;
    }

    BNN_AVX2 static void sums(const Window& window, std::int32_t* sums) {
        const Totals totals = total(window);
        for (int k = 0; k < positions; ++k)
            for (int half = 0; half < 2; ++half)
                _mm256_store_si256(reinterpret_cast<__m256i*>(sums + k * channels + half * 8),
                                   totals.at[k][half]);
    }
};

[[maybe_unused]] const bool registered = ConvU8Table::add("avx2", ConvU8Broadcast<Tile>::make);

}  // namespace
}  // namespace bnn
#endif
