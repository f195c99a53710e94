// Four taps of 8 channels by one multiply-add of bytes.
//
// Four neighbouring pixel bytes are broadcast and multiplied with four weights of -1 or +1 for each of
// 8 channels; pairs are added in 16 bits. A tile has 16 channels of 4 positions, which share the loads
// of weights. The bound is two multiply-adds a cycle.
#if defined(__x86_64__)
#include <algorithm>
#include <cstring>

#include "kernels/avx2.h"
#include "kernels/conv_u8/broadcast.h"

namespace bnn {
namespace {

constexpr int tile_positions = 4, tile_channels = 16, tile_vectors = 2;
constexpr int taps = 4;
// A step adds 2 * 255 at most to a 16-bit half: 64 of them reach 32640.
constexpr int max_steps = 64;

using Window = PixelWindow<tile_positions>;

BNN_AVX2 inline __m256i four_pixels(const std::uint8_t* pixels) {
    std::int32_t four;
    std::memcpy(&four, pixels, sizeof four);
    return _mm256_set1_epi32(four);
}

// The sums of a position.
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

// Runs steps [step, end). Each position has its own variable, because GCC keeps an array in memory.
template <bool first>
BNN_AVX2 inline void add_steps(const Window& window, int step, int end, Sums* sums) {
    const std::uint8_t *pixels0 = window.pixels[0], *pixels1 = window.pixels[1],
                       *pixels2 = window.pixels[2], *pixels3 = window.pixels[3];
    const auto* weights = reinterpret_cast<const __m256i*>(window.weights) + step * tile_vectors;
    const Halves none{_mm256_setzero_si256(), _mm256_setzero_si256()};
    Halves halves0 = none, halves1 = none, halves2 = none, halves3 = none;
    for (; step < end; ++step, weights += tile_vectors) {
        const std::int32_t offset = window.offsets[step];
        halves0.add(pixels0 + offset, weights);
        halves1.add(pixels1 + offset, weights);
        halves2.add(pixels2 + offset, weights);
        halves3.add(pixels3 + offset, weights);
    }
    halves0.flush<first>(sums[0]);
    halves1.flush<first>(sums[1]);
    halves2.flush<first>(sums[2]);
    halves3.flush<first>(sums[3]);
}

BNN_AVX2 inline void add_window(const Window& window, Sums* sums) {
    add_steps<true>(window, 0, std::min(max_steps, window.steps), sums);
    for (int step = max_steps; step < window.steps; step += max_steps)
        add_steps<false>(window, step, std::min(step + max_steps, window.steps), sums);
}

struct Tile {
    static constexpr int positions = tile_positions;
    static constexpr int channels = tile_channels;
    static constexpr int step_taps = taps;

    BNN_AVX2 static std::array<std::uint64_t, positions> bits(const Window& window,
                                                              const PixelLimits<positions>& limits) {
        Sums sums[positions];
        add_window(window, sums);
        std::array<std::uint64_t, positions> words;
        for (int k = 0; k < positions; ++k) {
            const auto* limit = reinterpret_cast<const __m256i*>(limits[k]);
            const __m256i low = _mm256_cmpgt_epi32(sums[k].low, limit[0]);
            const __m256i high = _mm256_cmpgt_epi32(sums[k].high, limit[1]);
            words[k] = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(low)) |
                                             _mm256_movemask_ps(_mm256_castsi256_ps(high)) << 8);
        }
        return words;
    }

    BNN_AVX2 static void sums(const Window& window, std::int32_t* to) {
        Sums sums[positions];
        add_window(window, sums);
        for (int k = 0; k < positions; ++k, to += channels) {
            _mm256_store_si256(reinterpret_cast<__m256i*>(to), sums[k].low);
            _mm256_store_si256(reinterpret_cast<__m256i*>(to + 8), sums[k].high);
        }
    }
};

std::unique_ptr<ConvU8> make(const ConvU8Spec& spec) {
    if (spec.geometry.out_height * spec.geometry.out_width == 1) return nullptr;
    return ConvU8Broadcast<Tile>::make(spec);
}

[[maybe_unused]] const bool registered = ConvU8Table::add("avx2", make);

}  // namespace
}  // namespace bnn
#endif
