// The loops, compiled for any processor of the architecture.
#include <cstdint>
#include <limits>

#include "kernels/lanes/scalar.h"
#include "kernels/real/contract.h"
#include "kernels/unrolled.h"

namespace bnn {
namespace {

using Lanes = ScalarLanes;

struct Comparison {
    static constexpr int lanes = 8;

    template <typename T>
    static unsigned less(const T* a, const T* b) {
        unsigned bits = 0;
        for (int k = 0; k < lanes; ++k) bits |= static_cast<unsigned>(a[k] < b[k]) << k;
        return bits;
    }
};

}  // namespace
}  // namespace bnn

#include "kernels/real/loops.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_real_loops("scalar", loops);

}  // namespace
}  // namespace bnn
