#if defined(__x86_64__)
#include "kernels/peak/contract.h"
#include "kernels/peak/shuffle.h"

namespace bnn {
namespace {

BNN_SHUFFLE_LIMIT("ymm", "vpand", 32)

[[maybe_unused]] const bool registered =
    add_peak("avx2", {run, "byte shuffles for two pixels and four bits"});

}  // namespace
}  // namespace bnn
#endif
