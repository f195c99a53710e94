// 16 floats in a register. Included where the target of the compiler is AVX-512.

namespace bnn {
namespace {

struct Lanes {
    using Numbers = __m512;
    static constexpr int lanes = 16;

    static Numbers load(const float* at) { return _mm512_loadu_ps(at); }
    static Numbers load(const std::int32_t* at) {
        return avx512_floats(_mm512_loadu_si512(at));
    }
    static void store(float* at, Numbers numbers) { _mm512_storeu_ps(at, numbers); }
    static Numbers all(float number) { return _mm512_set1_ps(number); }
    static Numbers zero() { return _mm512_setzero_ps(); }
    static Numbers multiply_add(Numbers a, Numbers b, Numbers c) {
        return avx512_multiply_add(a, b, c);
    }
    static Numbers add(Numbers a, Numbers b) { return _mm512_add_ps(a, b); }
    // Of two numbers of which one is NaN, these instructions take the second.
    static Numbers raise(Numbers low, Numbers a) { return _mm512_max_ps(low, a); }
    static Numbers lower(Numbers high, Numbers a) { return _mm512_min_ps(high, a); }
    // The greater of both. NaN counts as the greatest.
    static Numbers higher(Numbers a, Numbers highest) {
        return _mm512_mask_mov_ps(_mm512_max_ps(a, highest), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q),
                                  a);
    }
    static Numbers prelu(Numbers a, Numbers slope) {
        const auto positive = _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_GT_OQ);
        return _mm512_mask_mov_ps(_mm512_mul_ps(a, slope), positive, a);
    }
    static unsigned above(Numbers a, Numbers signs, Numbers limits) {
        const __m512 turned = _mm512_castsi512_ps(
            _mm512_xor_si512(_mm512_castps_si512(a), _mm512_castps_si512(signs)));
        return _mm512_cmp_ps_mask(turned, limits, _CMP_GT_OQ);
    }
};

}  // namespace
}  // namespace bnn
