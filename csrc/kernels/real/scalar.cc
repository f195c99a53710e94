// What the compiler makes of the loops for any processor of the architecture.
#include <cstdint>

#include "kernels/real/contract.h"
#include "kernels/real/loops.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_real_loops("scalar", loops);

}  // namespace
}  // namespace bnn
