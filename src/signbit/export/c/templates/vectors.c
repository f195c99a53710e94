#if defined(__AVX2__) && !defined(UPPER_PORTABLE)
#include <immintrin.h>
#elif defined(__ARM_NEON) && !defined(UPPER_PORTABLE)
#include <arm_neon.h>
#endif
