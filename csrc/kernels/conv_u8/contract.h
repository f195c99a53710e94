// Convolution of pixels with weights of one bit: integer sums, exact.
#pragma once

#include "kernels/conv_bits/contract.h"

namespace bnn {

struct ConvU8Spec {
    Geometry geometry;
    int multiplier, offset;  // a pixel p stands for multiplier * p + offset
    const std::uint64_t* weight;
    const Thresholds* thresholds;  // nullptr for sums
};

class ConvU8 {
public:
    virtual ~ConvU8() = default;
    // Of a kernel for one position: whether no kernel for maps is faster for several of them, in an
    // engine of this instruction set.
    virtual bool suits_groups(const std::string&) const { return false; }
    // Bytes of scratch that each thread needs, aligned to 64.
    virtual std::size_t scratch_bytes() const { return 0; }
    // input: the byte of the first tap of output (0, 0) in a map with a border of zeros and
    // 15 readable bytes after its last pixel.
    virtual void run(const std::uint8_t* input, const Region& region,
                     const ConvOutput& output, void* scratch) const = 0;
};

using ConvU8Table = KernelTable<ConvU8, ConvU8Spec>;

// The meaning of a plain sum of weight times pixel, per border class and channel. Padded pixels are
// 0 and add nothing to it. The offset counts only for taps inside the map.
struct PixelRule {
    BorderClasses classes;
    // [class][channel]: the sum is multiplier * plain + this.
    std::vector<std::int32_t> added;
    // [class][channel], with thresholds: the bit is plain > limit.
    std::vector<std::int32_t> limit;
    // (out, kh, kw, channels of a group) as -1 and +1; negated in channels with `below`, which
    // reverses their comparison.
    std::vector<std::int8_t> weight;

    explicit PixelRule(const ConvU8Spec& spec);
};

}  // namespace bnn
