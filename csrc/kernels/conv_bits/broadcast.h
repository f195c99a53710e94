// Binary convolution by broadcast: one lane of the input's bits is compared with the same lane of the
// weights of 64 output channels, for several output positions at once. No patch of the input is
// copied, and no sum goes across a vector. For instruction sets that count the ones of a lane.
//
// A Tile holds the part of an instruction set:
//   Lane, Count               unsigned types of a lane and of a count of differing bits
//   max_terms                 the most terms of a sum, so that limits fit a Count
//   positions                 output positions of a whole tile
//   bits<n>(window, limits)   words of 64 channels at n positions: count < limit
//   counts<n>(window, counts) the counts themselves, [position][channel]
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "kernels/aligned.h"
#include "kernels/conv_bits/contract.h"

namespace bnn {

constexpr int broadcast_channels = 64;

// The input that n positions read, lane by lane.
template <typename Lane, int n>
struct LaneWindow {
    std::array<const std::byte*, n> pixels;
    const std::int32_t* offsets;  // bytes from a pixel to each of its lanes
    int lanes;
    const Lane* weights;  // [lane][channel]

    Lane lane(int position, int number) const {
        Lane value;
        std::memcpy(&value, pixels[position] + offsets[number], sizeof value);
        return value;
    }
};

template <typename Tile>
class ConvBitsBroadcast final : public ConvBits {
    using Lane = typename Tile::Lane;
    using Count = typename Tile::Count;
    static constexpr int lane_bits = 8 * sizeof(Lane);

public:
    explicit ConvBitsBroadcast(const ConvBitsSpec& spec) : geometry_(spec.geometry), rule_(spec) {
        locate_lanes();
        reorder_weights();
        reorder_limits();
    }

    static std::unique_ptr<ConvBits> make(const ConvBitsSpec& spec) {
        const Geometry& g = spec.geometry;
        const bool whole_words = g.groups == 1 || (g.group_channels() % 64 == 0 &&
                                                   g.out_channels / g.groups % 64 == 0);
        if (!whole_words || g.taps() * g.group_channels() > Tile::max_terms) return nullptr;
        return std::make_unique<ConvBitsBroadcast>(spec);
    }

    void run(const std::uint64_t* input, const Region& region, const ConvOutput& output,
             void*) const override {
        const int end = region.row_end * geometry_.out_width;
        for (int block = region.block; block < region.block_end; ++block) {
            for (int first = region.row * geometry_.out_width; first < end;
                 first += Tile::positions) {
                run_tile(input, block, first, std::min(Tile::positions, end - first), output,
                         std::make_integer_sequence<int, Tile::positions>());
            }
        }
    }

private:
    int lanes_per_tap() const { return (geometry_.group_channels() + lane_bits - 1) / lane_bits; }
    int lanes() const { return static_cast<int>(offsets_.size()); }

    void locate_lanes() {
        const Geometry& g = geometry_;
        for (int i = 0; i < g.kernel_height; ++i) {
            for (int j = 0; j < g.kernel_width; ++j) {
                const std::ptrdiff_t tap =
                    i * g.dilation_y * g.row_stride +
                    static_cast<std::ptrdiff_t>(j) * g.dilation_x * words_for(g.in_channels);
                for (int lane = 0; lane < lanes_per_tap(); ++lane)
                    offsets_.push_back(static_cast<std::int32_t>(tap * 8 + lane * sizeof(Lane)));
            }
        }
    }

    void reorder_weights() {
        const int words = geometry_.group_words(), per_word = 64 / lane_bits;
        weights_.resize(static_cast<std::size_t>(words_for(geometry_.out_channels)) * lanes() *
                        broadcast_channels);
        for (int channel = 0; channel < geometry_.out_channels; ++channel) {
            const std::uint64_t* from = rule_.weight.data() +
                                        static_cast<std::size_t>(channel) * geometry_.taps() * words;
            Lane* to = weights_.data() +
                       static_cast<std::size_t>(channel / broadcast_channels) * lanes() *
                           broadcast_channels +
                       channel % broadcast_channels;
            for (int number = 0; number < lanes(); ++number, to += broadcast_channels) {
                const int tap = number / lanes_per_tap(), lane = number % lanes_per_tap();
                *to = static_cast<Lane>(from[tap * words + lane / per_word] >>
                                        lane % per_word * lane_bits);
            }
        }
    }

    void reorder_limits() {
        if (rule_.limit.empty()) return;
        const int channels = geometry_.out_channels;
        const std::size_t padded =
            static_cast<std::size_t>(words_for(channels)) * broadcast_channels;
        limits_.resize(rule_.classes.count() * padded);
        for (int border_class = 0; border_class < rule_.classes.count(); ++border_class)
            for (int channel = 0; channel < channels; ++channel)
                limits_.data()[border_class * padded + channel] = static_cast<Count>(
                    rule_.limit[static_cast<std::size_t>(border_class) * channels + channel]);
    }

    // Runs a tile of `count` positions, which is one of the sizes 1 + index.
    template <int... index>
    void run_tile(const std::uint64_t* input, int block, int first, int count,
                  const ConvOutput& output, std::integer_sequence<int, index...>) const {
        ((index + 1 == count ? run_positions<index + 1>(input, block, first, output) : void()), ...);
    }

    template <int n>
    void run_positions(const std::uint64_t* input, int block, int first,
                       const ConvOutput& output) const {
        const Geometry& g = geometry_;
        const int blocks = words_for(g.out_channels);
        LaneWindow<Lane, n> window;
        std::array<const Count*, n> limits;
        std::array<std::uint64_t*, n> words;
        for (int k = 0; k < n; ++k) {
            const int y = (first + k) / g.out_width, x = (first + k) % g.out_width;
            window.pixels[k] = reinterpret_cast<const std::byte*>(
                input + group_word(block) + y * g.stride_y * g.row_stride +
                static_cast<std::ptrdiff_t>(x) * g.stride_x * words_for(g.in_channels));
            const std::size_t place =
                static_cast<std::size_t>(rule_.classes.of(y, x)) * blocks + block;
            limits[k] = limits_.data() + place * broadcast_channels;
            words[k] = output.bits + y * output.bits_row_stride + x * blocks + block;
        }
        window.offsets = offsets_.data();
        window.lanes = lanes();
        window.weights = weights_.data() + static_cast<std::size_t>(block) * lanes() *
                                               broadcast_channels;
        if (output.sums == nullptr) {
            const std::array<std::uint64_t, n> bits = Tile::template bits<n>(window, limits);
            for (int k = 0; k < n; ++k) *words[k] = bits[k];
            return;
        }
        alignas(64) Count counts[n * broadcast_channels];
        Tile::template counts<n>(window, counts);
        for (int k = 0; k < n; ++k)
            write_sums(counts + k * broadcast_channels, first + k, block, output);
    }

    // The word of a pixel at which the group of a block of channels begins.
    int group_word(int block) const {
        if (geometry_.groups == 1) return 0;
        return block * broadcast_channels / (geometry_.out_channels / geometry_.groups) *
               geometry_.group_words();
    }

    void write_sums(const Count* counts, int position, int block, const ConvOutput& output) const {
        const int y = position / geometry_.out_width, x = position % geometry_.out_width;
        const int channels = geometry_.out_channels, begin = block * broadcast_channels;
        const std::int32_t* at_zero =
            rule_.sum_at_zero.data() + static_cast<std::size_t>(rule_.classes.of(y, x)) * channels;
        std::int32_t* sums = output.sums_at(geometry_, y, x);
        for (int channel = begin; channel < std::min(begin + broadcast_channels, channels); ++channel)
            sums[channel] = at_zero[channel] - 2 * static_cast<std::int32_t>(counts[channel - begin]);
    }

    Geometry geometry_;
    CountRule rule_;
    std::vector<std::int32_t> offsets_;
    AlignedVector<Lane> weights_;
    AlignedVector<Count> limits_;
};

}  // namespace bnn
