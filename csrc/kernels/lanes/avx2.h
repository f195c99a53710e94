// 8 floats in a register. Included where the target of the compiler is AVX2.

namespace bnn {
namespace {

struct Lanes {
    using Numbers = __m256;
    static constexpr int lanes = 8;

    static Numbers load(const float* at) { return _mm256_loadu_ps(at); }
    static Numbers load(const std::int32_t* at) {
        return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    }
    static void store(float* at, Numbers numbers) { _mm256_storeu_ps(at, numbers); }
    static Numbers all(float number) { return _mm256_set1_ps(number); }
    static Numbers zero() { return _mm256_setzero_ps(); }
    static Numbers multiply_add(Numbers a, Numbers b, Numbers c) { return _mm256_fmadd_ps(a, b, c); }
    static Numbers add(Numbers a, Numbers b) { return _mm256_add_ps(a, b); }
    // Of two numbers of which one is NaN, these instructions take the second.
    static Numbers raise(Numbers low, Numbers a) { return _mm256_max_ps(low, a); }
    static Numbers lower(Numbers high, Numbers a) { return _mm256_min_ps(high, a); }
    // The greater of both. NaN counts as the greatest.
    static Numbers higher(Numbers a, Numbers highest) {
        return _mm256_blendv_ps(_mm256_max_ps(a, highest), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    }
    static Numbers prelu(Numbers a, Numbers slope) {
        return _mm256_blendv_ps(_mm256_mul_ps(a, slope), a,
                                _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GT_OQ));
    }
    static unsigned above(Numbers a, Numbers signs, Numbers limits) {
        return static_cast<unsigned>(_mm256_movemask_ps(
            _mm256_cmp_ps(_mm256_xor_ps(a, signs), limits, _CMP_GT_OQ)));
    }
};

}  // namespace
}  // namespace bnn
