// Four taps of 8 channels by one multiply-add of bytes.
//
// Four neighbouring pixel bytes are broadcast and multiplied with four weights of -1 or +1 for each of
// 8 channels; pairs are added in 16 bits. A tile has 4 lots of 16 channels: one for each of 4
// positions, which share the loads of weights, or 64 channels of a single position. The bound is two
// multiply-adds a cycle; for a single position it is reading the weights.
#if defined(__x86_64__)
#include <algorithm>
#include <cstring>

#include "kernels/avx2.h"
#include "kernels/conv_u8/broadcast.h"

namespace bnn {
namespace {

constexpr int lots = 4, lot_channels = 16, lot_vectors = 2;
constexpr int taps = 4;
// A step adds 2 * 255 at most to a 16-bit half: 64 of them reach 32640.
constexpr int max_steps = 64;

BNN_AVX2 inline __m256i four_pixels(const std::uint8_t* pixels) {
    std::int32_t four;
    std::memcpy(&four, pixels, sizeof four);
    return _mm256_set1_epi32(four);
}

// The sums of a lot.
struct Sums {
    __m256i low, high;
};

// The same sums, each as two 16-bit halves.
struct Halves {
    __m256i low, high;

    BNN_AVX2 inline void add(const std::uint8_t* pixels, const __m256i* weights) {
        const __m256i four = four_pixels(pixels);
        add_u16_to(low, _mm256_maddubs_epi16(four, weights[0]));
        add_u16_to(high, _mm256_maddubs_epi16(four, weights[1]));
    }

    template <bool first>
    BNN_AVX2 inline void flush(Sums& sums) const {
        const __m256i ones = _mm256_set1_epi16(1);
        const Sums more{_mm256_madd_epi16(low, ones), _mm256_madd_epi16(high, ones)};
        sums.low = first ? more.low : _mm256_add_epi32(sums.low, more.low);
        sums.high = first ? more.high : _mm256_add_epi32(sums.high, more.high);
    }
};

// Runs steps [step, end). Each lot has its own variable, because GCC keeps an array in memory.
template <bool first, int positions>
BNN_AVX2 inline void add_steps(const PixelWindow<positions>& window, int step, int end, Sums* sums) {
    // From one lot to the next, a single position has other weights; else the pixels differ.
    constexpr int next = positions == 1 ? lot_vectors : 0;
    constexpr int step_vectors = positions == 1 ? lots * lot_vectors : lot_vectors;
    const std::uint8_t *pixels0 = window.pixels[0], *pixels1 = window.pixels[1 % positions],
                       *pixels2 = window.pixels[2 % positions],
                       *pixels3 = window.pixels[3 % positions];
    const auto* weights = reinterpret_cast<const __m256i*>(window.weights) + step * step_vectors;
    const Halves none{_mm256_setzero_si256(), _mm256_setzero_si256()};
    Halves lot0 = none, lot1 = none, lot2 = none, lot3 = none;
    for (; step < end; ++step, weights += step_vectors) {
        const std::int32_t offset = window.offsets[step];
        lot0.add(pixels0 + offset, weights);
        lot1.add(pixels1 + offset, weights + next);
        lot2.add(pixels2 + offset, weights + 2 * next);
        lot3.add(pixels3 + offset, weights + 3 * next);
    }
    lot0.flush<first>(sums[0]);
    lot1.flush<first>(sums[1]);
    lot2.flush<first>(sums[2]);
    lot3.flush<first>(sums[3]);
}

template <int positions>
BNN_AVX2 inline void add_window(const PixelWindow<positions>& window, Sums* sums) {
    add_steps<true>(window, 0, std::min(max_steps, window.steps), sums);
    for (int step = max_steps; step < window.steps; step += max_steps)
        add_steps<false>(window, step, std::min(step + max_steps, window.steps), sums);
}

template <int tile_positions>
struct Tile {
    static constexpr int positions = tile_positions;
    static constexpr int channels = lots * lot_channels / positions;
    static constexpr int step_taps = taps;

    BNN_AVX2 static std::array<std::uint64_t, positions> bits(const PixelWindow<positions>& window,
                                                              const PixelLimits<positions>& limits) {
        Sums lot[lots];
        add_window(window, lot);
        std::array<std::uint64_t, positions> words{};
        for (int k = 0; k < lots; ++k) {
            const int first = k / positions * lot_channels;
            const auto* limit = reinterpret_cast<const __m256i*>(limits[k % positions] + first);
            const __m256i low = _mm256_cmpgt_epi32(lot[k].low, limit[0]);
            const __m256i high = _mm256_cmpgt_epi32(lot[k].high, limit[1]);
            const auto bits = static_cast<unsigned>(
                _mm256_movemask_ps(_mm256_castsi256_ps(low)) |
                _mm256_movemask_ps(_mm256_castsi256_ps(high)) << 8);
            words[k % positions] |= std::uint64_t{bits} << first;
        }
        return words;
    }

    BNN_AVX2 static void sums(const PixelWindow<positions>& window, std::int32_t* sums) {
        Sums lot[lots];
        add_window(window, lot);
        for (int k = 0; k < lots; ++k, sums += lot_channels) {
            _mm256_store_si256(reinterpret_cast<__m256i*>(sums), lot[k].low);
            _mm256_store_si256(reinterpret_cast<__m256i*>(sums + 8), lot[k].high);
        }
    }
};

std::unique_ptr<ConvU8> make(const ConvU8Spec& spec) {
    return spec.geometry.out_height * spec.geometry.out_width == 1
               ? ConvU8Broadcast<Tile<1>>::make(spec)
               : ConvU8Broadcast<Tile<4>>::make(spec);
}

[[maybe_unused]] const bool registered = ConvU8Table::add("avx2", make);

}  // namespace
}  // namespace bnn
#endif
