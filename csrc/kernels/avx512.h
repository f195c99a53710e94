// Intrinsics of AVX-512 and the targets of functions that use them. With BNN_EMULATE_AVX512 they
// are plain C++ of the SIMDe library, so the tests of the kernels run on any processor.
#pragma once
#if defined(BNN_EMULATE_AVX512)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#define BNN_AVX512_VPOPCNTDQ
#define BNN_AVX512_BW
#elif defined(__x86_64__)
#if !defined(__clang__)
// GCC 12 warns about values that its own header leaves undefined on purpose.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#define BNN_AVX512_BW __attribute__((target("avx512f,avx512bw")))
#define BNN_AVX512_VPOPCNTDQ \
    __attribute__((target("avx512f,avx512bw,avx512vpopcntdq,avx512vnni")))
#endif
#if defined(BNN_AVX512_VPOPCNTDQ)
#define BNN_HAS_AVX512 1
#else
#define BNN_HAS_AVX512 0
#endif
