// As "kernels/target/avx2.h", for AVX-512 F and BW. Emulated, they need no target.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC push_options
#if !defined(BNN_EMULATE_AVX512)
#pragma GCC target("avx512f,avx512bw,prefer-vector-width=512")
#endif
#endif
