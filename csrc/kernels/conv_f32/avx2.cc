// A tile of 6 positions by 16 channels keeps 12 sums in registers.
#if defined(__x86_64__)
#include <immintrin.h>
#include <algorithm>
#include <utility>

#include "kernels/aligned.h"
#include "kernels/conv_f32/contract.h"
#include "kernels/unrolled.h"

#include "kernels/target/avx2.h"
#include "kernels/lanes/avx2.h"

namespace bnn {
namespace {

struct Tile {
    static constexpr int vectors = 2;
    static constexpr int positions(int vectors) { return 12 / vectors; }
};

}  // namespace
}  // namespace bnn

#include "kernels/conv_f32/broadcast.h"
#include "kernels/conv_f32/depthwise.h"
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvF32Table::add("avx2", ConvF32Depthwise::make) &&
                                         ConvF32Table::add("avx2", ConvF32Broadcast::make);

}  // namespace
}  // namespace bnn
#endif
