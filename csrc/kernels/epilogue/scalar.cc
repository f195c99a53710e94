// The epilogue, compiled for any processor of the architecture.
#include <cstdint>

#include "kernels/epilogue/contract.h"

#define BNN_UNROLLED

namespace bnn {
namespace {

struct Lanes {
    using Numbers = float;
    static constexpr int lanes = 1, positions = 1;

    static float load(const float* at) { return *at; }
    static float load(const std::int32_t* at) { return static_cast<float>(*at); }
    static void store(float* at, float number) { *at = number; }
    static float all(float number) { return number; }
    static float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
    static float add(float a, float b) { return a + b; }
    static float raise(float low, float a) { return a < low ? low : a; }
    static float lower(float high, float a) { return a > high ? high : a; }
    static float prelu(float a, float slope) { return a > 0 ? a : a * slope; }
    // The sign is 0 or -0.
    static unsigned above(float a, float sign, float limit) {
        return static_cast<unsigned>((__builtin_signbit(sign) ? -a : a) > limit);
    }
};

}  // namespace
}  // namespace bnn

#include "kernels/epilogue/rows.h"

namespace bnn {
namespace {

[[maybe_unused]] const bool registered = add_epilogue("scalar", finish_row);

}  // namespace
}  // namespace bnn
