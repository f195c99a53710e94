// Intrinsics of AVX-512 and the targets of functions that use them. With BNN_EMULATE_AVX512 they
// are plain C++ of the SIMDe library, so the tests of the kernels run on any processor.
#pragma once
#include <cstdint>

#if defined(BNN_EMULATE_AVX512)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#define BNN_AVX512_VPOPCNTDQ
#define BNN_AVX512_BW
#elif defined(__x86_64__)
#if !defined(__clang__)
// GCC 12 warns about values that its own header leaves undefined on purpose.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#define BNN_AVX512_BW __attribute__((target("avx512f,avx512bw")))
#define BNN_AVX512_VPOPCNTDQ \
    __attribute__((target("avx512f,avx512bw,avx512vpopcntdq,avx512vnni")))
#endif
#if defined(BNN_AVX512_VPOPCNTDQ)
#define BNN_HAS_AVX512 1
namespace bnn {

// a * b + c, rounded once. SIMDe would round twice.
BNN_AVX512_BW inline __m512 avx512_multiply_add(__m512 a, __m512 b, __m512 c) {
#if defined(BNN_EMULATE_AVX512)
    float x[16], y[16], z[16];
    _mm512_storeu_ps(x, a);
    _mm512_storeu_ps(y, b);
    _mm512_storeu_ps(z, c);
    for (int lane = 0; lane < 16; ++lane) z[lane] = __builtin_fmaf(x[lane], y[lane], z[lane]);
    return _mm512_loadu_ps(z);
#else
    return _mm512_fmadd_ps(a, b, c);
#endif
}

// SIMDe does not have this one.
BNN_AVX512_BW inline __m512 avx512_floats(__m512i integers) {
#if defined(BNN_EMULATE_AVX512)
    std::int32_t from[16];
    float to[16];
    _mm512_storeu_si512(from, integers);
    for (int lane = 0; lane < 16; ++lane) to[lane] = static_cast<float>(from[lane]);
    return _mm512_loadu_ps(to);
#else
    return _mm512_cvtepi32_ps(integers);
#endif
}

}  // namespace bnn
#else
#define BNN_HAS_AVX512 0
#endif
