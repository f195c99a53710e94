// Convolution of pixels by broadcast: a few neighbouring bytes of the input are multiplied with the
// weights of several output channels, for several output positions at once. The rows of a window are
// cut into steps. Where this needs more steps than the window as a whole, it is gathered first.
//
// A Tile holds the part of an instruction set:
//   positions, channels      of a tile; channels divides 64
//   step_taps                neighbouring bytes that a step uses, 4 at most
//   bits(window, limits)     for each position a word of the channels: sum > limit
//   sums(window, sums)       plain sums of weight times pixel, [position][channel]
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "kernels/aligned.h"
#include "kernels/conv_u8/contract.h"

namespace bnn {

// The input that the positions of a tile read.
template <int positions>
struct PixelWindow {
    std::array<const std::uint8_t*, positions> pixels;
    const std::int32_t* offsets;  // from a pixel to the bytes of each step
    int steps;
    const std::int8_t* weights;  // [step][channel][tap]
};

// Where the limits of each position of a tile begin.
template <int positions>
using PixelLimits = std::array<const std::int32_t*, positions>;

template <typename Tile>
class ConvU8Broadcast final : public ConvU8 {
    static constexpr int positions = Tile::positions;
    static constexpr int tile_channels = Tile::channels;
    static constexpr int step_taps = Tile::step_taps;

public:
    explicit ConvU8Broadcast(const ConvU8Spec& spec)
        : geometry_(spec.geometry), multiplier_(spec.multiplier), rule_(spec) {
        locate_runs();
        locate_steps();
        reorder_weights();
        reorder_limits();
    }

    static std::unique_ptr<ConvU8> make(const ConvU8Spec& spec) {
        if (spec.geometry.groups != 1) return nullptr;
        return std::make_unique<ConvU8Broadcast>(spec);
    }

    void run(const std::uint8_t* input, const Region& region, const ConvOutput& output,
             void*) const override {
        if (gathers_) return run_blocks(input, region, output);
        // Windows that are read where they are may be large. So the weights of a block are used for all
        // of them while a cache holds these weights.
        for (int block = region.block; block < region.block_end; ++block)
            run_blocks(input, {region.row, region.row_end, block, block + 1}, output);
    }

private:
    void run_blocks(const std::uint8_t* input, const Region& region,
                    const ConvOutput& output) const {
        alignas(64) std::array<std::uint8_t, positions * gathered_bytes> gathered{};
        for (int y = region.row; y < region.row_end; ++y) {
            for (int x = 0; x < geometry_.out_width; x += positions) {
                PixelWindow<positions> window = window_at(input, y, x);
                if (gathers_) gather(window, gathered.data());
                for (int block = region.block; block < region.block_end; ++block)
                    run_tile(window, y, x, block, output);
            }
        }
    }

    // Room for a gathered window, copied 16 bytes at a time.
    static constexpr int gathered_bytes = 256, copied_bytes = 16;

    // Taps that are neighbours are one run of bytes: a row, unless dilation separates them.
    int runs_per_row() const { return geometry_.dilation_x == 1 ? 1 : geometry_.kernel_width; }
    int run_bytes() const { return geometry_.kernel_width / runs_per_row() * geometry_.in_channels; }
    int window_bytes() const { return geometry_.taps() * geometry_.in_channels; }
    static int steps_of(int taps) { return (taps + step_taps - 1) / step_taps; }

    // The taps of the piece that is cut into steps: a run, or the whole window where it is gathered.
    int piece_taps() const { return gathers_ ? window_bytes() : run_bytes(); }
    int steps() const { return static_cast<int>(offsets_.size()); }

    void locate_runs() {
        const Geometry& g = geometry_;
        for (int i = 0; i < g.kernel_height; ++i)
            for (int j = 0; j < runs_per_row(); ++j)
                runs_.push_back(static_cast<std::int32_t>(
                    i * g.dilation_y * g.row_stride +
                    static_cast<std::ptrdiff_t>(j) * g.dilation_x * g.in_channels));
        gathers_ = window_bytes() + copied_bytes <= gathered_bytes &&
                   steps_of(window_bytes()) < static_cast<int>(runs_.size()) * steps_of(run_bytes());
    }

    void locate_steps() {
        const std::vector<std::int32_t> pieces = gathers_ ? std::vector<std::int32_t>{0} : runs_;
        for (const std::int32_t piece : pieces)
            for (int step = 0; step < steps_of(piece_taps()); ++step)
                offsets_.push_back(piece + step * step_taps);
    }

    // After the last position, the last one is repeated and not written.
    PixelWindow<positions> window_at(const std::uint8_t* input, int y, int x) const {
        const Geometry& g = geometry_;
        PixelWindow<positions> window{{}, offsets_.data(), steps(), nullptr};
        for (int k = 0; k < positions; ++k) {
            const int column = std::min(x + k, g.out_width - 1);
            window.pixels[k] = input + y * g.stride_y * g.row_stride +
                               static_cast<std::ptrdiff_t>(column) * g.stride_x * g.in_channels;
        }
        return window;
    }

    // Copies the runs of each position one after the other. The next copy overwrites the extra bytes
    // of a copy, or they meet weights of 0.
    void gather(PixelWindow<positions>& window, std::uint8_t* to) const {
        for (int k = 0; k < positions; ++k, to += gathered_bytes) {
            std::uint8_t* end = to;
            for (const std::int32_t run : runs_) {
                for (int done = 0; done < run_bytes(); done += copied_bytes)
                    std::memcpy(end + done, window.pixels[k] + run + done, copied_bytes);
                end += run_bytes();
            }
            window.pixels[k] = to;
        }
    }

    std::size_t tile_bytes() const {
        return static_cast<std::size_t>(steps()) * tile_channels * step_taps;
    }

    // For each tile of channels and each step, the taps of each channel; 0 after the last tap.
    void reorder_weights() {
        const int window = window_bytes(), piece = piece_taps();
        weights_.resize(static_cast<std::size_t>(words_for(geometry_.out_channels)) * 64 /
                        tile_channels * tile_bytes());
        for (int channel = 0; channel < geometry_.out_channels; ++channel) {
            const std::int8_t* from = rule_.weight.data() + static_cast<std::size_t>(channel) * window;
            std::int8_t* to = weights_.data() + channel / tile_channels * tile_bytes() +
                              channel % tile_channels * step_taps;
            for (int tap = 0; tap < window; ++tap) {
                const int step = tap / piece * steps_of(piece) + tap % piece / step_taps;
                to[step * tile_channels * step_taps + tap % piece % step_taps] = from[tap];
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

    void run_tile(PixelWindow<positions>& window, int y, int x, int block,
                  const ConvOutput& output) const {
        const Geometry& g = geometry_;
        const int count = std::min(positions, g.out_width - x), blocks = words_for(g.out_channels);
        PixelLimits<positions> limits;
        for (int k = 0; k < positions; ++k) {
            const int border_class = rule_.classes.of(y, x + std::min(k, count - 1));
            limits[k] =
                limits_.data() + (static_cast<std::size_t>(border_class) * blocks + block) * 64;
        }
        if (output.sums != nullptr) {
            write_sums(window, y, x, block, output);
            return;
        }
        std::array<std::uint64_t, positions> words{};
        for (int first = 0; first < 64; first += tile_channels) {
            window.weights = weights_of(block, first);
            const std::array<std::uint64_t, positions> bits = Tile::bits(window, limits);
            for (int k = 0; k < positions; ++k) {
                words[k] |= bits[k] << first;
                limits[k] += tile_channels;
            }
        }
        for (int k = 0; k < count; ++k)
            output.bits[y * output.bits_row_stride + (x + k) * blocks + block] = words[k];
    }

    const std::int8_t* weights_of(int block, int first) const {
        return weights_.data() + (block * 64 + first) / tile_channels * tile_bytes();
    }

    void write_sums(PixelWindow<positions>& window, int y, int x, int block,
                    const ConvOutput& output) const {
        const int channels = geometry_.out_channels;
        for (int first = block * 64; first < std::min(block * 64 + 64, channels);
             first += tile_channels) {
            alignas(64) std::int32_t plain[positions * tile_channels];
            window.weights = weights_of(block, first - block * 64);
            Tile::sums(window, plain);
            for (int column = x; column < std::min(x + positions, geometry_.out_width); ++column) {
                const std::int32_t* added =
                    rule_.added.data() +
                    static_cast<std::size_t>(rule_.classes.of(y, column)) * channels;
                std::int32_t* sums = output.sums_at(geometry_, y, column);
                for (int c = first; c < std::min(first + tile_channels, channels); ++c)
                    sums[c] = multiplier_ * plain[(column - x) * tile_channels + c - first] + added[c];
            }
        }
    }

    Geometry geometry_;
    int multiplier_;
    PixelRule rule_;
    bool gathers_ = false;
    std::vector<std::int32_t> runs_;     // distances from a pixel to each run of its window
    std::vector<std::int32_t> offsets_;  // from a pixel, or its gathered window, to each step
    AlignedVector<std::int8_t> weights_;
    AlignedVector<std::int32_t> limits_;
};

}  // namespace bnn
