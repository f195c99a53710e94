// The epilogue, compiled for any processor of the architecture.
#include <cstdint>

#include "kernels/epilogue/contract.h"
#include "kernels/lanes/scalar.h"

#define BNN_UNROLLED

namespace bnn {
namespace {

using Lanes = ScalarLanes;

constexpr int tile_positions = 1;

}  // namespace
}  // namespace bnn

#include "kernels/epilogue/rows.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_epilogue("scalar", finish_row);

}  // namespace
}  // namespace bnn
