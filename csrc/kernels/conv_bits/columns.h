// The taps of a window's column, packed into one run of bits.
#pragma once

#include "kernels/geometry.h"

namespace bnn {

// For each input column that windows of a row see: the bits of a group at the kernel's rows, one after
// the other, in whole words.
class Columns {
public:
    explicit Columns(const Geometry& geometry) : geometry_(geometry) {}

    int bits() const { return geometry_.kernel_height * geometry_.group_channels(); }
    int words() const { return words_for(bits()); }
    int lanes(int lane_bits) const { return (bits() + lane_bits - 1) / lane_bits; }
    std::size_t bytes() const { return (static_cast<std::size_t>(count()) * words() + 1) * 8; }

    // input: the word of the first tap of the row's first position.
    void pack(const std::uint64_t* input, int group, std::uint64_t* to) const;

private:
    int count() const {
        return (geometry_.out_width - 1) * geometry_.stride_x +
               geometry_.dilation_x * (geometry_.kernel_width - 1) + 1;
    }
    void pack_words(const std::uint64_t* input, int group, std::uint64_t* to) const;

    Geometry geometry_;
};

}  // namespace bnn
