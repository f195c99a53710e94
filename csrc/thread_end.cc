// This file is compiled without exceptions, so glibc stops unwinding at the handler itself. With
// exceptions it would look for destructors on its way, through the unwinder of libgcc. A C++ runtime
// with its own unwinder, as in the wheels, does not understand that unwinder and crashes. Where both
// have the same unwinder, frames that must not be unwound would end the process.
#include "thread_end.h"

#if defined(_WIN32)
namespace bnn {

void call_without_end(void (*work)(void*), void* argument) { work(argument); }

}  // namespace bnn
#else
#include <pthread.h>
#include <unistd.h>

namespace bnn {
namespace {

void wait_for_end(void*) {
    while (true) pause();
}

}  // namespace

void call_without_end(void (*work)(void*), void* argument) {
    pthread_cleanup_push(wait_for_end, nullptr);
    work(argument);
    pthread_cleanup_pop(0);
}

}  // namespace bnn
#endif
