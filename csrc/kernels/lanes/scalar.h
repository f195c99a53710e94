// A float by itself: the scalar kernels, and what is left over by vectors.

namespace bnn {
namespace {

struct ScalarLanes {
    using Numbers = float;
    static constexpr int lanes = 1;

    static float load(const float* at) { return *at; }
    static float load(const std::int32_t* at) { return static_cast<float>(*at); }
    static void store(float* at, float number) { *at = number; }
    static float all(float number) { return number; }
    static float zero() { return 0; }
    static float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
    static float add(float a, float b) { return a + b; }
    static float raise(float low, float a) { return a < low ? low : a; }
    static float lower(float high, float a) { return a > high ? high : a; }
    // The greater of both. NaN counts as the greatest.
    static float higher(float a, float highest) { return a > highest || a != a ? a : highest; }
    static float prelu(float a, float slope) { return a > 0 ? a : a * slope; }
    // The sign is 0 or -0.
    static unsigned above(float a, float sign, float limit) {
        return static_cast<unsigned>((__builtin_signbit(sign) ? -a : a) > limit);
    }
};

}  // namespace
}  // namespace bnn
