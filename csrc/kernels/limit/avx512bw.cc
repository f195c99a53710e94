// The instructions of kernels/conv_bits/avx512bw.cc without its loads: three shuffles of 2 positions, 4
// bits and 64 channels, two additions, and four instructions that add them whole and their upper halves.
#if defined(__x86_64__)
#include "kernels/limit/contract.h"

namespace bnn {
namespace {

#define BNN_THREE_SHUFFLES(first, second)                       \
    "vpshufb %%zmm15, %%zmm14, %%zmm0\n"                        \
    "vpshufb %%zmm15, %%zmm13, %%zmm1\n"                        \
    "vpshufb %%zmm15, %%zmm14, %%zmm2\n"                        \
    "vpaddb %%zmm0, %%zmm1, %%zmm0\n"                           \
    "vpaddb %%zmm0, %%zmm2, %%zmm0\n"                           \
    "vpsrlw $4, %%zmm0, %%zmm2\n"                               \
    "vpandd %%zmm2, %%zmm12, %%zmm2\n"                           \
    "vpaddb %%zmm0, %%zmm" #first ", %%zmm" #first "\n"         \
    "vpaddb %%zmm2, %%zmm" #second ", %%zmm" #second "\n"

double run(long rounds) {
    long left = rounds;
    asm volatile(
        "1:\n" BNN_THREE_SHUFFLES(4, 5) BNN_THREE_SHUFFLES(6, 7) BNN_THREE_SHUFFLES(8, 9)
            BNN_THREE_SHUFFLES(10, 11) "dec %0\n"
                                       "jnz 1b\n"
                                       "vzeroupper\n"
        : "+r"(left)
        :
        : "cc", "xmm0", "xmm1", "xmm2", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    return 4.0 * 3 * 2 * 4 * 64 * static_cast<double>(rounds);
}

[[maybe_unused]] const bool registered =
    add_limit("avx512bw", {run, "64-byte shuffles for two pixels and four bits"});

}  // namespace
}  // namespace bnn
#endif
