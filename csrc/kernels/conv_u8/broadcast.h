// Convolution of pixels by broadcast: a few neighbouring bytes of the input beside the weights of
// several output channels, for several output positions at once.
//
// A Tile is what an instruction set does with it:
//   positions, channels      of a tile; channels divides 64
//   step_taps                neighbouring bytes that a step takes, 4 at most
//   sums(window, sums)       plain sums of weight times pixel, [position][channel]
//   compare(sums, limits)    bits of the channels of one position: sum > limit
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "kernels/aligned.h"
#include "kernels/conv_u8/contract.h"

namespace bnn {

// Bytes of the window that lie side by side.
struct PixelRun {
    std::ptrdiff_t offset;
    int steps;
};

// What the positions of a tile see.
template <int positions>
struct PixelWindow {
    std::array<const std::uint8_t*, positions> pixels;
    const std::vector<PixelRun>& runs;
    int steps;                   // of all runs
    const std::int8_t* weights;  // [step][channel][tap]
};

template <typename Tile>
class ConvU8Broadcast final : public ConvU8 {
    static constexpr int positions = Tile::positions;
    static constexpr int tile_channels = Tile::channels;
    static constexpr int step_taps = Tile::step_taps;

public:
    explicit ConvU8Broadcast(const ConvU8Spec& spec)
        : geometry_(spec.geometry), multiplier_(spec.multiplier), rule_(spec), runs_(runs(geometry_)) {
        reorder_weights();
        reorder_limits();
    }

    static std::unique_ptr<ConvU8> make(const ConvU8Spec& spec) {
        if (spec.geometry.groups != 1) return nullptr;
        return std::make_unique<ConvU8Broadcast>(spec);
    }

    void run(const std::uint8_t* input, const Region& region,
             const ConvOutput& output) const override {
        for (int y = region.row; y < region.row_end; ++y)
            for (int x = 0; x < geometry_.out_width; x += positions)
                for (int block = region.block; block < region.block_end; ++block)
                    run_tile(input, y, x, block, output);
    }

private:
    static std::vector<PixelRun> runs(const Geometry& g) {
        const bool joined = g.dilation_x == 1;
        const int bytes = (joined ? g.kernel_width : 1) * g.in_channels;
        std::vector<PixelRun> all;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < (joined ? 1 : g.kernel_width); ++j)
                all.push_back({i * g.dilation_y * g.row_stride +
                                   static_cast<std::ptrdiff_t>(j) * g.dilation_x * g.in_channels,
                               (bytes + step_taps - 1) / step_taps});
        return all;
    }

    static int steps(const std::vector<PixelRun>& runs) {
        return static_cast<int>(runs.size()) * runs.front().steps;
    }

    std::size_t tile_bytes() const {
        return static_cast<std::size_t>(steps(runs_)) * tile_channels * step_taps;
    }

    // Per 16 channels and step: four taps of each channel; 0 where a run has no more taps.
    void reorder_weights() {
        const Geometry& g = geometry_;
        const int window = g.taps() * g.in_channels, run_taps = window / static_cast<int>(runs_.size());
        weights_.resize(static_cast<std::size_t>(words_for(g.out_channels)) * 64 /
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
        const int channels = geometry_.out_channels, padded = words_for(channels) * 64;
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
        const int count = std::min(positions, g.out_width - x);
        PixelWindow<positions> window{{}, runs_, steps(runs_), nullptr};
        for (int k = 0; k < positions; ++k) {
            const int column = x + std::min(k, count - 1);
            window.pixels[k] = input + y * g.stride_y * g.row_stride +
                           static_cast<std::ptrdiff_t>(column) * g.stride_x * g.in_channels;
        }
        std::array<std::uint64_t, positions> words{};
        for (int first = block * 64; first < (block + 1) * 64;
             first += tile_channels) {
            alignas(64) std::int32_t sums[positions * tile_channels];
            window.weights = weights_.data() + first / tile_channels * tile_bytes();
            Tile::sums(window, sums);
            for (int k = 0; k < count; ++k) {
                const std::int32_t* found = sums + k * tile_channels;
                if (output.sums != nullptr)
                    write_sums(found, y, x + k, first, output.sums);
                else
                    words[k] |= Tile::compare(found, limits(y, x + k) + first) << (first % 64);
            }
        }
        if (output.sums != nullptr) return;
        for (int k = 0; k < count; ++k)
            output.bits[y * output.bits_row_stride + (x + k) * words_for(g.out_channels) + block] =
                words[k];
    }

    const std::int32_t* limits(int y, int x) const {
        const std::size_t padded =
            static_cast<std::size_t>(words_for(geometry_.out_channels)) * 64;
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
    std::vector<PixelRun> runs_;
    AlignedVector<std::int8_t> weights_;
    AlignedVector<std::int32_t> limits_;
};

}  // namespace bnn
