// Four taps of 8 channels by one multiply-add of bytes.
//
// Four neighbouring pixel bytes are broadcast and multiplied with four weights of -1 or +1 for
// each of 8 channels; pairs add up in 16 bits. The tile is 4 positions by 16 channels, so that
// weights are loaded once for 4 positions. Bound by the two multiply-adds a cycle.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "kernels/aligned.h"
#include "kernels/conv_u8/contract.h"

#define BNN_AVX2 __attribute__((target("avx2")))

namespace bnn {
namespace {

constexpr int block_channels = 64;
constexpr int tile_channels = 16;
constexpr int tile_positions = 4;
constexpr int step_taps = 4;
// A step adds 2 * 255 at most to a 16-bit half: 64 of them reach 32640.
constexpr int max_steps = 64;

// Bytes of the window that lie side by side.
struct Run {
    std::ptrdiff_t offset;
    int steps;
};

using Positions = std::array<const std::uint8_t*, tile_positions>;

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
BNN_AVX2 void sum_tile(const Positions& positions, const std::vector<Run>& runs,
                       const std::int8_t* tile_weights, std::int32_t* sums) {
    const __m256i zero = _mm256_setzero_si256();
    Halves halves = {{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}};
    std::fill_n(sums, tile_positions * tile_channels, 0);
    const auto* weights = reinterpret_cast<const __m256i*>(tile_weights);
    [[maybe_unused]] int steps_left = max_steps;
    for (const Run& run : runs) {
        std::ptrdiff_t offset = run.offset;
        for (int step = 0; step < run.steps; ++step, offset += step_taps, weights += 2) {
            if (long_window && steps_left-- == 0) {
                flush(halves, sums);
                steps_left = max_steps - 1;
            }
            for (int position = 0; position < tile_positions; ++position) {
                const __m256i pixels = four_pixels(positions[position] + offset);
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
BNN_AVX2 inline std::uint64_t compare(const std::int32_t* sums, const std::int32_t* limits) {
    std::uint64_t bits = 0;
    for (int half = 0; half < 2; ++half) {
        const __m256i greater =
            _mm256_cmpgt_epi32(*reinterpret_cast<const __m256i*>(sums + half * 8),
                               *reinterpret_cast<const __m256i*>(limits + half * 8));
        bits |= std::uint64_t(_mm256_movemask_ps(_mm256_castsi256_ps(greater))) << (half * 8);
    }
    return bits;
}

class ConvU8Avx2 final : public ConvU8 {
public:
    explicit ConvU8Avx2(const ConvU8Spec& spec)
        : geometry_(spec.geometry), multiplier_(spec.multiplier), rule_(spec), runs_(runs(geometry_)) {
        reorder_weights();
        reorder_limits();
    }

    static bool takes(const ConvU8Spec& spec) {
        return spec.geometry.groups == 1;
    }

    void run(const std::uint8_t* input, const Region& region,
             const ConvOutput& output) const override {
        for (int y = region.row; y < region.row_end; ++y)
            for (int x = 0; x < geometry_.out_width; x += tile_positions)
                for (int block = region.block; block < region.block_end; ++block)
                    run_tile(input, y, x, block, output);
    }

private:
    static std::vector<Run> runs(const Geometry& g) {
        const bool joined = g.dilation_x == 1;
        const int bytes = (joined ? g.kernel_width : 1) * g.in_channels;
        std::vector<Run> all;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < (joined ? 1 : g.kernel_width); ++j)
                all.push_back({i * g.dilation_y * g.row_stride +
                                   static_cast<std::ptrdiff_t>(j) * g.dilation_x * g.in_channels,
                               (bytes + step_taps - 1) / step_taps});
        return all;
    }

    static int steps(const std::vector<Run>& runs) {
        return static_cast<int>(runs.size()) * runs.front().steps;
    }

    std::size_t tile_bytes() const {
        return static_cast<std::size_t>(steps(runs_)) * tile_channels * step_taps;
    }

    // Per 16 channels and step: four taps of each channel; 0 where a run has no more taps.
    void reorder_weights() {
        const Geometry& g = geometry_;
        const int window = g.taps() * g.in_channels, run_taps = window / static_cast<int>(runs_.size());
        weights_.resize(static_cast<std::size_t>(words_for(g.out_channels)) * block_channels /
                        tile_channels * tile_bytes());
        for (int channel = 0; channel < g.out_channels; ++channel) {
            const std::int8_t* from = rule_.weight.data() + static_cast<std::size_t>(channel) * window;
            std::int8_t* to = weights_.data() + channel / tile_channels * tile_bytes() +
                              channel % tile_channels * step_taps;
            for (int tap = 0; tap < window; ++tap) {
                const int step = tap / run_taps * runs_.front().steps + tap % run_taps / step_taps;
                to[step * tile_channels * step_taps + tap % run_taps % step_taps] = from[tap];
            }
        }
    }

    void reorder_limits() {
        if (rule_.limit.empty()) return;
        const int channels = geometry_.out_channels, padded = words_for(channels) * block_channels;
        limits_.resize(static_cast<std::size_t>(rule_.classes.count()) * padded);
        for (int place = 0; place < rule_.classes.count() * padded; ++place) {
            const int border_class = place / padded, channel = place % padded;
            limits_.data()[place] =
                channel < channels ? rule_.limit[border_class * channels + channel]
                                   : std::numeric_limits<std::int32_t>::max();
        }
    }

    void run_tile(const std::uint8_t* input, int y, int x, int block,
                  const ConvOutput& output) const {
        const Geometry& g = geometry_;
        const int count = std::min(tile_positions, g.out_width - x);
        Positions positions;
        for (int k = 0; k < tile_positions; ++k) {
            const int column = x + std::min(k, count - 1);
            positions[k] = input + y * g.stride_y * g.row_stride +
                           static_cast<std::ptrdiff_t>(column) * g.stride_x * g.in_channels;
        }
        std::array<std::uint64_t, tile_positions> words{};
        for (int first = block * block_channels; first < (block + 1) * block_channels;
             first += tile_channels) {
            alignas(32) std::int32_t sums[tile_positions * tile_channels];
            const auto sum = steps(runs_) > max_steps ? sum_tile<true> : sum_tile<false>;
            sum(positions, runs_, weights_.data() + first / tile_channels * tile_bytes(), sums);
            for (int k = 0; k < count; ++k) {
                const std::int32_t* found = sums + k * tile_channels;
                if (output.sums != nullptr)
                    write_sums(found, y, x + k, first, output.sums);
                else
                    words[k] |= compare(found, limits(y, x + k) + first) << (first % block_channels);
            }
        }
        if (output.sums != nullptr) return;
        for (int k = 0; k < count; ++k)
            output.bits[y * output.bits_row_stride + (x + k) * words_for(g.out_channels) + block] =
                words[k];
    }

    const std::int32_t* limits(int y, int x) const {
        const std::size_t padded =
            static_cast<std::size_t>(words_for(geometry_.out_channels)) * block_channels;
        return limits_.data() + rule_.classes.of(y, x) * padded;
    }

    void write_sums(const std::int32_t* plain, int y, int x, int first, std::int32_t* sums) const {
        const int channels = geometry_.out_channels;
        const std::size_t added = static_cast<std::size_t>(rule_.classes.of(y, x)) * channels;
        const std::size_t pixel = static_cast<std::size_t>(y) * geometry_.out_width + x;
        for (int k = 0; k < tile_channels && first + k < channels; ++k)
            sums[pixel * channels + first + k] =
                multiplier_ * plain[k] + rule_.added[added + first + k];
    }

    Geometry geometry_;
    int multiplier_;
    PixelRule rule_;
    std::vector<Run> runs_;
    AlignedVector<std::int8_t> weights_;
    AlignedVector<std::int32_t> limits_;
};

std::unique_ptr<ConvU8> make(const ConvU8Spec& spec) {
    if (!ConvU8Avx2::takes(spec)) return nullptr;
    return std::make_unique<ConvU8Avx2>(spec);
}

[[maybe_unused]] const bool registered = ConvU8Table::add("avx2", make);

}  // namespace
}  // namespace bnn
#endif
