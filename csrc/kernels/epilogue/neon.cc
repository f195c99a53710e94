// 16 vectors hold the 64 channels of a position.
#if defined(__aarch64__)
#include <arm_neon.h>
#include <cstdint>

#include "kernels/epilogue/contract.h"
#include "kernels/unrolled.h"

#include "kernels/lanes/neon.h"

namespace bnn {
namespace {

constexpr int tile_positions = 1;

}  // namespace
}  // namespace bnn

#include "kernels/epilogue/rows.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_epilogue("neon", finish_row);

}  // namespace
}  // namespace bnn
#endif
