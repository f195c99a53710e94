// A tile of 6 positions by 64 channels keeps 24 sums in registers; for each term it loads 4 vectors of
// weights and broadcasts 6 numbers of the input.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include <algorithm>
#include <utility>

#include "kernels/aligned.h"
#include "kernels/conv_f32/contract.h"
#include "kernels/unrolled.h"

#include "kernels/target/avx512bw.h"
#include "kernels/lanes/avx512bw.h"

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
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = ConvF32Table::add("avx512bw", ConvF32Depthwise::make) &&
                                         ConvF32Table::add("avx512bw", ConvF32Broadcast::make);

}  // namespace
}  // namespace bnn
#endif
