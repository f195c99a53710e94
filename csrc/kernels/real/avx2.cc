// What the compiler makes of the loops with vectors of 256 bits and fused multiply-adds.
#if defined(__x86_64__)
#include <cstdint>

#include "kernels/real/contract.h"

#pragma GCC push_options
#pragma GCC target("avx2,fma")
#include "kernels/real/loops.h"
#pragma GCC pop_options

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_real_loops("avx2", loops);

}  // namespace
}  // namespace bnn
#endif
