// Convolution of real numbers. The products of a window are added one after the other, tap by tap and
// channel by channel, by fused multiply-adds: all instruction sets give the same numbers.
#pragma once

#include <cstdint>

#include "dispatch.h"
#include "kernels/geometry.h"

namespace bnn {

struct ConvF32Spec {
    Geometry geometry;    // row_stride in numbers
    const float* weight;  // (out, kh, kw, channels of a group); it may go away after the kernel is made
};

// Where a kernel writes: [position][channel], from the first row of the region on.
struct Numbers {
    float* at;
    // From one position to the next: whole blocks of 64 and, with groups, one more, as the last vector
    // of a group may reach beyond its channels.
    std::ptrdiff_t stride;
};

class ConvF32 {
public:
    virtual ~ConvF32() = default;
    // input: the number of the first tap of output (0, 0) in a map with a border of zeros.
    // With groups, the region has all channels.
    virtual void run(const float* input, const Region& region, const Numbers& output) const = 0;
};

using ConvF32Table = KernelTable<ConvF32, ConvF32Spec>;

}  // namespace bnn
