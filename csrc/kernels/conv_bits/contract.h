// Binary convolution: bits times weights of one bit, to sums or, through thresholds, to bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dispatch.h"
#include "kernels/geometry.h"

namespace bnn {

// Thresholds of the output: a bit is sum < value where its bit of `below` is set, else sum > value.
struct Thresholds {
    const std::int32_t* value;
    const std::uint64_t* below;
};

// Where a kernel writes: bits, or sums.
struct ConvOutput {
    std::uint64_t* bits;
    std::ptrdiff_t bits_row_stride;  // words from one row to the next
    std::int32_t* sums;              // of the map's rows from sums_row on
    std::ptrdiff_t sums_stride;      // sums from one position to the next
    int sums_row;
    // Whether the last vector of a position, or of a group, may reach beyond its channels.
    bool has_room;

    static ConvOutput of_bits(std::uint64_t* bits, std::ptrdiff_t row_stride) {
        return {bits, row_stride, nullptr, 0, 0, false};
    }
    static ConvOutput of_sums(std::int32_t* sums, std::ptrdiff_t stride, int row, bool has_room) {
        return {nullptr, 0, sums, stride, row, has_room};
    }

    // Clears the bits of some rows. Groups then add theirs to the words.
    void clear_rows(const Geometry& g, int row, int row_end) const {
        for (; bits != nullptr && row < row_end; ++row)
            std::fill_n(bits + row * bits_row_stride, g.out_width * words_for(g.out_channels), 0);
    }

    // The sums of a pixel.
    std::int32_t* sums_at(const Geometry& g, int y, int x) const {
        return sums + (static_cast<std::ptrdiff_t>(y - sums_row) * g.out_width + x) * sums_stride;
    }
};

struct ConvBitsSpec {
    Geometry geometry;
    int padding_value;            // -1, 0 or +1
    const std::uint64_t* weight;  // (out, kh, kw, words of a group), as in the file
    const Thresholds* thresholds;  // nullptr for sums
};

class ConvBits {
public:
    virtual ~ConvBits() = default;
    // Of a kernel for one position: whether no kernel for maps is faster for several of them, in an
    // engine of this instruction set.
    virtual bool suits_groups(const std::string&) const { return false; }
    // Bytes of scratch that each thread needs, aligned to 64.
    virtual std::size_t scratch_bytes() const { return 0; }
    // input: the word of the first tap of output (0, 0) in a map with a border of zero words, and 7
    // readable words after its last pixel.
    // With groups, the region has all channels.
    virtual void run(const std::uint64_t* input, const Region& region, const ConvOutput& output,
                     void* scratch) const = 0;
};

// Windows of a depthwise convolution whose counts, and limits of them, have 8 bits at most.
inline bool is_small_depthwise(const Geometry& g) { return g.is_depthwise() && g.taps() < 255; }

// Groups whose channels fill whole words and whole blocks of outputs.
inline bool has_whole_words(const Geometry& g) {
    return g.groups == 1 ||
           (g.group_channels() % 64 == 0 && g.out_channels / g.groups % 64 == 0);
}

// Byte shuffles: sums are compared as signed 16-bit numbers, with limits up to one more than the terms.
constexpr int most_shuffle_terms = 32766;

// Maps for which byte shuffles cut the input into planes, because whole words of input channels, or
// blocks of 64 output channels, would be empty for the most part.
inline bool is_narrow(const Geometry& g) {
    constexpr int few = 32;
    if (is_small_depthwise(g) || g.taps() * g.group_channels() > most_shuffle_terms) return false;
    if (!has_whole_words(g)) return true;
    return g.out_height * g.out_width > 1 && g.groups == 1 &&
           (g.in_channels <= few || g.out_channels <= few);
}

using ConvBitsTable = KernelTable<ConvBits, ConvBitsSpec>;

// The meaning of a count of differing bits, per border class and channel.
//
// The border holds zero words, so count = popcount(input XOR weight) over all taps also counts
// each padded tap as -1. With n terms, n_padded of them padded, and P set weight bits at padded
// taps, the sum is n - 2 * count + k * (2 * P - n_padded), where k is 0, 1, 2 for a padding
// value of -1, 0, +1.
struct CountRule {
    BorderClasses classes;
    int terms;
    // [class][channel]: the sum is this minus 2 * count.
    std::vector<std::int32_t> sum_at_zero;
    // [class][channel], with thresholds: the bit is count < limit.
    std::vector<std::int32_t> limit;
    // The weights, complemented in channels with `below`, which reverses their comparison.
    std::vector<std::uint64_t> weight;

    explicit CountRule(const ConvBitsSpec& spec);
};

}  // namespace bnn
