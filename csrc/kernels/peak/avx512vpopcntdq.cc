// XOR, popcount and addition on registers, in eight independent chains.
#if defined(__x86_64__)
#include "kernels/peak/contract.h"

namespace bnn {
namespace {

#define BNN_COUNT(scratch, total)                                       \
    "vpxord %%zmm31, %%zmm30, %%zmm" #scratch "\n"                      \
    "vpopcntd %%zmm" #scratch ", %%zmm" #scratch "\n"                   \
    "vpaddd %%zmm" #scratch ", %%zmm" #total ", %%zmm" #total "\n"

double run(long rounds) {
    long left = rounds;
    asm volatile("1:\n" BNN_COUNT(0, 8) BNN_COUNT(1, 9) BNN_COUNT(2, 10) BNN_COUNT(3, 11)
                     BNN_COUNT(4, 12) BNN_COUNT(5, 13) BNN_COUNT(6, 14) BNN_COUNT(7, 15)
                 "dec %0\n"
                 "jnz 1b\n"
                 "vzeroupper\n"
                 : "+r"(left)
                 :
                 : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    return 8.0 * 512 * static_cast<double>(rounds);
}

[[maybe_unused]] const bool registered =
    add_peak("avx512vpopcntdq", {run, "XOR, popcount and addition of 512 bits"});

}  // namespace
}  // namespace bnn
#endif
