#if defined(__linux__)
#include "engine/core_of_thread.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace bnn {
namespace {

// Whether `others` is the affinity without the core that runs this, and has any core.
bool without_this_core(const cpu_set_t& cores, cpu_set_t& others) {
    const int core = sched_getcpu();
    if (core < 0 || core >= CPU_SETSIZE || !CPU_ISSET(core, &cores)) return false;
    others = cores;
    CPU_CLR(core, &others);
    return CPU_COUNT(&others) > 0;
}

}  // namespace

void CoreOfThread::begin_sleep() {
    thread_ = static_cast<int>(syscall(SYS_gettid));
    state_.store(asleep, std::memory_order_release);
}

void CoreOfThread::end_sleep() {
    if (state_.exchange(awake, std::memory_order_acq_rel) == changed)
        sched_setaffinity(0, sizeof before_, &before_);
}

void CoreOfThread::leave_this_core() {
    State state = asleep;
    if (!state_.compare_exchange_strong(state, changing, std::memory_order_acq_rel)) return;
    const int thread = thread_;
    cpu_set_t others;
    const bool changes = sched_getaffinity(thread, sizeof before_, &before_) == 0 &&
                         without_this_core(before_, others) &&
                         sched_setaffinity(thread, sizeof others, &others) == 0;
    state = changing;
    const State now = changes ? changed : asleep;
    if (state_.compare_exchange_strong(state, now, std::memory_order_acq_rel)) return;
    // The thread woke in the meantime, and did not know of the change.
    if (changes) sched_setaffinity(thread, sizeof before_, &before_);
}

}  // namespace bnn
#endif
