// XOR, popcount and addition of bytes on registers, in eight independent chains.
#if defined(__aarch64__)
#include "kernels/peak/contract.h"

namespace bnn {
namespace {

#define BNN_COUNT(scratch, total)                                 \
    "eor v" #scratch ".16b, v30.16b, v31.16b\n"                   \
    "cnt v" #scratch ".16b, v" #scratch ".16b\n"                  \
    "add v" #total ".16b, v" #total ".16b, v" #scratch ".16b\n"

double run(long rounds) {
    long left = rounds;
    asm volatile("1:\n" BNN_COUNT(0, 16) BNN_COUNT(1, 17) BNN_COUNT(2, 18) BNN_COUNT(3, 19)
                     BNN_COUNT(4, 20) BNN_COUNT(5, 21) BNN_COUNT(6, 22) BNN_COUNT(7, 23)
                 "subs %0, %0, #1\n"
                 "b.ne 1b\n"
                 : "+r"(left)
                 :
                 : "cc", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18",
                   "v19", "v20", "v21", "v22", "v23");
    return 8.0 * 128 * static_cast<double>(rounds);
}

[[maybe_unused]] const bool registered =
    add_peak("neon", {run, "XOR, popcount and addition of 128 bits"});

}  // namespace
}  // namespace bnn
#endif
