// 8 vectors hold the 64 channels of a position.
#if defined(__x86_64__)
#include <immintrin.h>
#include <cstdint>

#include "kernels/epilogue/contract.h"
#include "kernels/unrolled.h"

#include "kernels/target/avx2.h"
#include "kernels/lanes/avx2.h"

namespace bnn {
namespace {

constexpr int tile_positions = 1;

}  // namespace
}  // namespace bnn

#include "kernels/epilogue/rows.h"
#include "kernels/target/end.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_epilogue("avx2", finish_row);

}  // namespace
}  // namespace bnn
#endif
