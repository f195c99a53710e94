// The instructions of kernels/conv_bits/avx2.cc without its loads: three shuffles of 2 pixels, 4
// bits and 32 channels, two additions, and four instructions that add them whole and their upper halves.
#if defined(__x86_64__)
#include "kernels/limit/contract.h"

namespace bnn {
namespace {

#define BNN_THREE_SHUFFLES(first, second)                       \
    "vpshufb %%ymm15, %%ymm14, %%ymm0\n"                        \
    "vpshufb %%ymm15, %%ymm13, %%ymm1\n"                        \
    "vpshufb %%ymm15, %%ymm14, %%ymm2\n"                        \
    "vpaddb %%ymm0, %%ymm1, %%ymm0\n"                           \
    "vpaddb %%ymm0, %%ymm2, %%ymm0\n"                           \
    "vpsrlw $4, %%ymm0, %%ymm2\n"                               \
    "vpand %%ymm2, %%ymm12, %%ymm2\n"                           \
    "vpaddb %%ymm0, %%ymm" #first ", %%ymm" #first "\n"         \
    "vpaddb %%ymm2, %%ymm" #second ", %%ymm" #second "\n"

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
    return 4.0 * 3 * 2 * 4 * 32 * static_cast<double>(rounds);
}

[[maybe_unused]] const bool registered =
    add_limit("avx2", {run, "byte shuffles for two pixels and four bits"});

}  // namespace
}  // namespace bnn
#endif
