// A tile of 6 positions by 16 channels keeps 24 sums in registers.
#if defined(__aarch64__)
#include <arm_neon.h>
#include <algorithm>
#include <utility>

#include "kernels/aligned.h"
#include "kernels/conv_f32/contract.h"
#include "kernels/unrolled.h"

#include "kernels/lanes/neon.h"

namespace bnn {
namespace {

struct Tile {
    static constexpr int vectors = 4;
    static constexpr int positions(int vectors) { return vectors == 4 ? 6 : 12; }
};

}  // namespace
}  // namespace bnn

#include "kernels/conv_f32/broadcast.h"
#include "kernels/conv_f32/depthwise.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvF32Table::add("neon", ConvF32Depthwise::make) &&
                                         ConvF32Table::add("neon", ConvF32Broadcast::make);

}  // namespace
}  // namespace bnn
#endif
