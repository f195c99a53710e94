// From here to "kernels/target/end.h", functions are compiled for AVX2 with fused multiply-adds. Clang
// ignores GCC's pragma. Headers with functions that other files share come before: the linker could
// take their code from here.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
