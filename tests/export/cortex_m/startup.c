/* The least that a program needs to start on an MPS2 board with a Cortex-M: a vector table, and
 * newlib's start, which sets up memory, opens the semihosted console and calls main. */
#include <stdint.h>

extern uint32_t stack_top;
extern void _mainCRTStartup(void);

static void hang(void) {
    for (;;) {}
}

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors = {&stack_top, {_mainCRTStartup, hang, hang, hang, hang, hang, hang, hang, hang, hang,
                          hang, hang, hang, hang, hang}};
