// Binary convolution by broadcast: one lane of the input's bits is compared with the same lane of the
// weights of several output channels, for several output positions at once. No sum goes across a
// vector. For instruction sets that count the ones of a lane.
//
// A window is read where it is, unless its taps would leave much of their lanes empty, or its group
// begins inside a word. Then the taps of a column are packed into one run of bits first, once for
// all the windows of a row that see it.
//
// A Tile holds the part of an instruction set:
//   Lane, Count                       unsigned types of a lane and of a count of differing bits
//   max_terms                         the most terms of a sum, so that limits fit a Count
//   positions(vectors)                output positions of a whole tile
//   bits<n, vectors>(window, limits)  words of 16 * vectors channels at n positions: count < limit
//   sums<n, vectors>(window, at_zero, to, stride)  writes at_zero - 2 * count
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/aligned.h"
#include "kernels/bits.h"
#include "kernels/conv_bits/columns.h"
#include "kernels/conv_bits/contract.h"

namespace bnn {

constexpr int vector_channels = 16;
constexpr int block_channels = 64;

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
    explicit ConvBitsBroadcast(const ConvBitsSpec& spec)
        : geometry_(spec.geometry),
          rule_(spec),
          columns_(geometry_),
          output_words_(words_for(geometry_.out_channels)) {
        const Geometry& g = geometry_;
        const int packed = g.kernel_width * columns_.lanes(lane_bits);
        packs_ = !has_whole_words(g) || packed < g.taps() * lanes_of(g.group_channels());
        locate_lanes();
        reorder_weights();
        reorder_rule();
    }

    static std::unique_ptr<ConvBits> make(const ConvBitsSpec& spec) {
        const Geometry& g = spec.geometry;
        if (is_small_depthwise(g) || g.taps() * g.group_channels() > Tile::max_terms)
            return nullptr;
        return std::make_unique<ConvBitsBroadcast>(spec);
    }

    std::size_t scratch_bytes() const override { return packs_ ? columns_.bytes() : 0; }

    void run(const std::uint64_t* input, const Region& region, const ConvOutput& output,
             void* scratch) const override {
        if (packs_) return run_packed(input, region, output, static_cast<std::uint64_t*>(scratch));
        const Geometry& g = geometry_;
        for (int block = region.block; block < region.block_end; ++block) {
            const int group = block * block_channels / outputs();
            run_rows({group, block * block_channels - group * outputs(),
                      input + group * g.group_words(), g.stride_y * g.row_stride,
                      static_cast<std::ptrdiff_t>(g.stride_x) * words_for(g.in_channels), output},
                     region.row, region.row_end);
        }
    }

private:
    // A block of the channels of a group, the map that it reads, and where its results go.
    struct Work {
        int group, first;
        const std::uint64_t* input;
        std::ptrdiff_t row, step;  // words from one row, and one position, to the next
        const ConvOutput& output;
    };

    // A position, as it moves along the rows of the map.
    class Cursor {
    public:
        Cursor(const ConvBitsBroadcast& kernel, const Work& work, int y)
            : kernel_(kernel), work_(work) {
            begin_row(y);
        }
        const std::byte* pixel() const { return reinterpret_cast<const std::byte*>(pixel_); }
        std::uint64_t* bits() const { return bits_; }
        // Where the limits, or the sums of no difference, of the position begin.
        std::size_t rule() const { return row_rule_ + kernel_.column_rules_[x_]; }

        void advance() {
            if (++x_ == kernel_.geometry_.out_width) return begin_row(y_ + 1);
            pixel_ += work_.step;
            bits_ += kernel_.output_words_;
        }

    private:
        void begin_row(int y) {
            if (y == kernel_.geometry_.out_height) return;
            y_ = y;
            x_ = 0;
            pixel_ = work_.input + y * work_.row;
            bits_ = work_.output.bits + y * work_.output.bits_row_stride +
                    (work_.group * kernel_.outputs() + work_.first) / 64;
            row_rule_ = kernel_.rule_offset(kernel_.rule_.classes.of_row(y), work_.group, work_.first);
        }

        const ConvBitsBroadcast& kernel_;
        const Work& work_;
        int y_, x_;
        const std::uint64_t* pixel_;
        std::uint64_t* bits_;
        std::size_t row_rule_;
    };

    static int lanes_of(int bits) { return (bits + lane_bits - 1) / lane_bits; }
    int outputs() const { return geometry_.out_channels / geometry_.groups; }
    int lanes() const { return static_cast<int>(offsets_.size()); }
    int padded_outputs() const {
        return (outputs() + vector_channels - 1) / vector_channels * vector_channels;
    }
    // The vectors of the block that begins at a channel of a group.
    int vectors_from(int first) const {
        return std::min(padded_outputs() - first, block_channels) / vector_channels;
    }

    void run_packed(const std::uint64_t* input, const Region& region, const ConvOutput& output,
                    std::uint64_t* scratch) const {
        const Geometry& g = geometry_;
        const int first = g.groups > 1 ? 0 : region.block * block_channels;
        const int end = g.groups > 1 ? outputs()
                                     : std::min(region.block_end * block_channels, outputs());
        for (int y = region.row; y < region.row_end; ++y) {
            if (g.groups > 1) output.clear_rows(g, y, y + 1);
            for (int group = 0; group < g.groups; ++group) {
                columns_.pack(input + y * g.stride_y * g.row_stride, group, scratch);
                for (int channel = first; channel < end; channel += block_channels)
                    run_rows({group, channel, scratch, 0,
                              static_cast<std::ptrdiff_t>(g.stride_x) * columns_.words(), output},
                             y, y + 1);
            }
        }
    }

    void locate_lanes() {
        const Geometry& g = geometry_;
        const int rows = packs_ ? 1 : g.kernel_height;
        const int lanes = packs_ ? columns_.lanes(lane_bits) : lanes_of(g.group_channels());
        const int words = packs_ ? columns_.words() : words_for(g.in_channels);
        for (int i = 0; i < rows; ++i) {
            for (int j = 0; j < g.kernel_width; ++j) {
                const std::ptrdiff_t tap = i * g.dilation_y * g.row_stride +
                                           static_cast<std::ptrdiff_t>(j) * g.dilation_x * words;
                for (int lane = 0; lane < lanes; ++lane)
                    offsets_.push_back(static_cast<std::int32_t>(tap * 8 + lane * sizeof(Lane)));
            }
        }
    }

    std::size_t weight_offset(int group, int first) const {
        return (static_cast<std::size_t>(group) * padded_outputs() + first) * lanes();
    }

    // [group][block of channels][lane][channel]
    void reorder_weights() {
        weights_.resize(weight_offset(geometry_.groups, 0));
        for (int group = 0; group < geometry_.groups; ++group) {
            for (int first = 0; first < outputs();) {
                const int width = vectors_from(first) * vector_channels;
                Lane* to = weights_.data() + weight_offset(group, first);
                for (int channel = first; channel < std::min(first + width, outputs()); ++channel)
                    write_lanes(group * outputs() + channel, to + channel - first, width);
                first += width;
            }
        }
    }

    // The bits of a filter, in the order in which a window shows them.
    void write_lanes(int channel, Lane* to, int width) const {
        const Geometry& g = geometry_;
        const int words = g.group_words(), bits = g.group_channels();
        const std::uint64_t* from =
            rule_.weight.data() + static_cast<std::size_t>(channel) * g.taps() * words;
        const int tap_lanes = packs_ ? columns_.lanes(lane_bits) : lanes_of(bits);
        for (int i = 0; i < g.kernel_height; ++i) {
            for (int j = 0; j < g.kernel_width; ++j, from += words) {
                const int lane = (packs_ ? j : i * g.kernel_width + j) * tap_lanes;
                for (int bit = 0; bit < bits; ++bit) {
                    const int place = packs_ ? i * bits + bit : bit;
                    const auto one = static_cast<Lane>(from[bit / 64] >> (bit % 64) & 1);
                    to[(lane + place / lane_bits) * width] |=
                        static_cast<Lane>(one << place % lane_bits);
                }
            }
        }
    }

    std::size_t rule_offset(int border_class, int group, int first) const {
        return (static_cast<std::size_t>(border_class) * geometry_.groups + group) *
                   padded_outputs() + first;
    }

    // [class][group][channel]
    void reorder_rule() {
        const int classes = rule_.classes.count(), groups = geometry_.groups;
        at_zero_.resize(rule_offset(classes, 0, 0));
        limits_.resize(rule_offset(classes, 0, 0));
        for (int place = 0; place < classes * groups * outputs(); ++place) {
            const int row = place / outputs(), channel = place % outputs();
            const std::size_t to = rule_offset(row / groups, row % groups, channel);
            at_zero_.data()[to] = rule_.sum_at_zero[place];
            if (!rule_.limit.empty())
                limits_.data()[to] = static_cast<Count>(rule_.limit[place]);
        }
        for (int x = 0; x < geometry_.out_width; ++x)
            column_rules_.push_back(rule_offset(rule_.classes.of_column(x), 0, 0));
    }

    void run_rows(const Work& work, int row, int row_end) const {
        switch (vectors_from(work.first)) {
            case 1: return run_tiles<1>(work, row, row_end);
            case 2: return run_tiles<2>(work, row, row_end);
            case 3: return run_tiles<3>(work, row, row_end);
            default: return run_tiles<4>(work, row, row_end);
        }
    }

    template <int vectors>
    void run_tiles(const Work& work, int row, int row_end) const {
        constexpr int most = Tile::positions(vectors);
        Cursor cursor(*this, work, row);
        std::int32_t* sums = nullptr;
        if (work.output.sums != nullptr)
            sums = work.output.sums_at(geometry_, row, 0) + work.group * outputs() + work.first;
        int left = (row_end - row) * geometry_.out_width;
        for (; left >= most; left -= most) run_tile<most, vectors>(work, cursor, sums);
        run_rest<most / 2, vectors>(work, cursor, sums, left);
    }

    // Fewer than 2 * n positions: a code for each number of them would take long to compile.
    template <int n, int vectors>
    void run_rest(const Work& work, Cursor& cursor, std::int32_t*& sums, int left) const {
        if (left >= n) run_tile<n, vectors>(work, cursor, sums);
        if constexpr (n > 1) run_rest<n / 2, vectors>(work, cursor, sums, left % n);
    }

    template <int n, int vectors>
    void run_tile(const Work& work, Cursor& cursor, std::int32_t*& sums) const {
        LaneWindow<Lane, n> window;
        std::array<std::size_t, n> rule;
        std::array<std::uint64_t*, n> words;
        for (int k = 0; k < n; ++k, cursor.advance()) {
            window.pixels[k] = cursor.pixel();
            rule[k] = cursor.rule();
            words[k] = cursor.bits();
        }
        window.offsets = offsets_.data();
        window.lanes = lanes();
        window.weights = weights_.data() + weight_offset(work.group, work.first);
        if (sums == nullptr) return write_bits<n, vectors>(work, window, rule, words);
        write_sums<n, vectors>(work, window, rule, sums);
        sums += n * work.output.sums_stride;
    }

    template <int n, int vectors>
    void write_bits(const Work& work, const LaneWindow<Lane, n>& window,
                    const std::array<std::size_t, n>& rule,
                    const std::array<std::uint64_t*, n>& to) const {
        std::array<const Count*, n> limits;
        for (int k = 0; k < n; ++k) limits[k] = limits_.data() + rule[k];
        const auto words = Tile::template bits<n, vectors>(window, limits);
        const int shift = (work.group * outputs() + work.first) % 64;
        const int width = std::min(vectors * vector_channels, outputs() - work.first);
        for (int k = 0; k < n; ++k) {
            if (geometry_.groups == 1 || !packs_)
                *to[k] = words[k];
            else
                add_bits(to[k], shift, width, words[k]);
        }
    }

    template <int n, int vectors>
    void write_sums(const Work& work, const LaneWindow<Lane, n>& window,
                    const std::array<std::size_t, n>& rule, std::int32_t* sums) const {
        constexpr int width = vectors * vector_channels;
        const int channels = std::min(width, outputs() - work.first);
        const std::ptrdiff_t stride = work.output.sums_stride;
        std::array<const std::int32_t*, n> at_zero;
        for (int k = 0; k < n; ++k) at_zero[k] = at_zero_.data() + rule[k];
        if (channels == width || work.output.has_room)
            return Tile::template sums<n, vectors>(window, at_zero, sums, stride);
        alignas(64) std::int32_t found[n * width];
        Tile::template sums<n, vectors>(window, at_zero, found, width);
        for (int k = 0; k < n; ++k) std::copy_n(found + k * width, channels, sums + k * stride);
    }

    Geometry geometry_;
    CountRule rule_;
    Columns columns_;
    bool packs_;
    std::vector<std::int32_t> offsets_;
    AlignedVector<Lane> weights_;
    AlignedVector<Count> limits_;
    AlignedVector<std::int32_t> at_zero_;
    std::vector<std::size_t> column_rules_;
    std::ptrdiff_t output_words_;
};

}  // namespace bnn
