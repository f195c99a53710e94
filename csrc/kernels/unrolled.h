// Written before a loop of constant length whose values must stay in registers: without unrolling
// they would be in memory.
#pragma once
#if defined(__clang__)
#define BNN_UNROLLED _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define BNN_UNROLLED _Pragma("GCC unroll 64")
#else
#define BNN_UNROLLED
#endif
