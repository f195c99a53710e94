#if defined(__linux__)
#include "engine/core_of_thread.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace bnn {

void CoreOfThread::begin_sleep() {
    sleeper_.store(static_cast<int>(syscall(SYS_gettid)), std::memory_order_release);
}

void CoreOfThread::end_sleep() {
    if (changed_.load(std::memory_order_acquire)) {
        sched_setaffinity(0, sizeof before_, &before_);
        changed_.store(false, std::memory_order_release);
    }
    sleeper_.store(0, std::memory_order_relaxed);
}

// Where the thread wakes in the meantime, it keeps the changed affinity until it has slept again.
void CoreOfThread::leave_this_core() {
    const int thread = sleeper_.load(std::memory_order_acquire);
    if (thread == 0 || changed_.load(std::memory_order_acquire)) return;
    const int core = sched_getcpu();
    if (core < 0 || core >= CPU_SETSIZE) return;
    if (sched_getaffinity(thread, sizeof before_, &before_) != 0) return;
    cpu_set_t others = before_;
    CPU_CLR(core, &others);
    if (CPU_COUNT(&others) == 0 || CPU_EQUAL(&others, &before_)) return;
    changed_.store(true, std::memory_order_release);
    sched_setaffinity(thread, sizeof others, &others);
}

}  // namespace bnn
#endif
