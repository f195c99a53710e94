// The instructions of kernels/conv_bits/shuffle.h without its loads: three shuffles for 2 pixels and
// 4 bits, two additions, and four instructions that add the whole bytes and their upper halves. The
// instruction set decides the vectors and their `and`.
#pragma once

#define BNN_THREE_SHUFFLES(v, vand, first, second) \
    "vpshufb %%" v "15, %%" v "14, %%" v "0\n"     \
    "vpshufb %%" v "15, %%" v "13, %%" v "1\n"     \
    "vpshufb %%" v "15, %%" v "14, %%" v "2\n"     \
    "vpaddb %%" v "0, %%" v "1, %%" v "0\n"        \
    "vpaddb %%" v "0, %%" v "2, %%" v "0\n"        \
    "vpsrlw $4, %%" v "0, %%" v "2\n"              \
    vand " %%" v "2, %%" v "12, %%" v "2\n"        \
    "vpaddb %%" v "0, %%" v first ", %%" v first "\n" \
    "vpaddb %%" v "2, %%" v second ", %%" v second "\n"

// Runs the loop `rounds` times; returns the binary multiply-adds of `channels` channels.
#define BNN_SHUFFLE_LIMIT(v, vand, channels)                                                       \
    double run(long rounds) {                                                                      \
        long left = rounds;                                                                        \
        asm volatile(                                                                              \
            "1:\n" BNN_THREE_SHUFFLES(v, vand, "4", "5") BNN_THREE_SHUFFLES(v, vand, "6", "7")     \
                BNN_THREE_SHUFFLES(v, vand, "8", "9") BNN_THREE_SHUFFLES(v, vand, "10", "11")      \
            "dec %0\n"                                                                             \
            "jnz 1b\n"                                                                             \
            "vzeroupper\n"                                                                         \
            : "+r"(left)                                                                           \
            :                                                                                      \
            : "cc", "xmm0", "xmm1", "xmm2", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",        \
              "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");                               \
        return 4.0 * 3 * 2 * 4 * (channels) * static_cast<double>(rounds);                         \
    }
