// The loops, compiled for any processor of the architecture.
#include <cstdint>

#include "kernels/real/contract.h"

namespace bnn {
namespace {

struct Eight {
    static constexpr int lanes = 8;

    template <typename T>
    static unsigned less(const T* a, const T* b) {
        unsigned bits = 0;
        for (int k = 0; k < lanes; ++k) bits |= static_cast<unsigned>(a[k] < b[k]) << k;
        return bits;
    }
};

void multiply_block(const float* windows, int terms, int count, const float* weight, float* sums) {
    for (int window = 0; window < count; ++window, windows += terms) {
        for (int lane = 0; lane < RealLoops::block_lanes; ++lane) {
            const float* factor = weight + lane;
            float total = 0;
            for (int term = 0; term < terms; ++term, factor += RealLoops::block_lanes)
                total = __builtin_fmaf(windows[term], *factor, total);
            *sums++ = total;
        }
    }
}

}  // namespace
}  // namespace bnn

#include "kernels/real/loops.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_real_loops("scalar", loops);

}  // namespace
}  // namespace bnn
