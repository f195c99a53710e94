#if defined(__x86_64__)
#include "kernels/peak/contract.h"
#include "kernels/peak/shuffle.h"

namespace bnn {
namespace {

BNN_SHUFFLE_LIMIT("zmm", "vpandd", 64)

[[maybe_unused]] const bool registered =
    add_peak("avx512bw", {run, "64-byte shuffles for two pixels and four bits"});

}  // namespace
}  // namespace bnn
#endif
