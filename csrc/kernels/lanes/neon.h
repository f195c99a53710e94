// 4 floats in a register.

namespace bnn {
namespace {

struct Lanes {
    using Numbers = float32x4_t;
    static constexpr int lanes = 4;

    static Numbers load(const float* at) { return vld1q_f32(at); }
    static Numbers load(const std::int32_t* at) { return vcvtq_f32_s32(vld1q_s32(at)); }
    static void store(float* at, Numbers numbers) { vst1q_f32(at, numbers); }
    static Numbers all(float number) { return vdupq_n_f32(number); }
    static Numbers zero() { return vdupq_n_f32(0); }
    static Numbers multiply_add(Numbers a, Numbers b, Numbers c) { return vfmaq_f32(c, a, b); }
    static Numbers add(Numbers a, Numbers b) { return vaddq_f32(a, b); }
    static Numbers raise(Numbers low, Numbers a) { return vbslq_f32(vcltq_f32(a, low), low, a); }
    static Numbers lower(Numbers high, Numbers a) { return vbslq_f32(vcgtq_f32(a, high), high, a); }
    // The greater of both. NaN counts as the greatest.
    static Numbers higher(Numbers a, Numbers highest) {
        const uint32x4_t stays = vandq_u32(vceqq_f32(a, a), vmvnq_u32(vcgtq_f32(a, highest)));
        return vbslq_f32(stays, highest, a);
    }
    static Numbers prelu(Numbers a, Numbers slope) {
        return vbslq_f32(vcgtzq_f32(a), a, vmulq_f32(a, slope));
    }
    static unsigned above(Numbers a, Numbers signs, Numbers limits) {
        const float32x4_t turned = vreinterpretq_f32_u32(
            veorq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(signs)));
        const uint32x4_t place = {1, 2, 4, 8};
        return vaddvq_u32(vandq_u32(vcgtq_f32(turned, limits), place));
    }
};

}  // namespace
}  // namespace bnn
