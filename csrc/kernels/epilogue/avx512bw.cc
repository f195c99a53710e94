// 16 vectors hold the 64 channels of 4 positions.
#include "kernels/avx512.h"
#if BNN_HAS_AVX512
#include <cstdint>

#include "kernels/epilogue/contract.h"
#include "kernels/unrolled.h"

#include "kernels/target/avx512bw.h"
#include "kernels/lanes/avx512bw.h"

namespace bnn {
namespace {

constexpr int tile_positions = 4;

}  // namespace
}  // namespace bnn

#include "kernels/epilogue/rows.h"
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_epilogue("avx512bw", finish_row);

}  // namespace
}  // namespace bnn
#endif
