// On which core a thread wakes up.
#pragma once

#include <atomic>

#if defined(__linux__)
#include <sched.h>
#endif

namespace bnn {

// Linux wakes a thread where it ran before, or near that core. If the thread that wakes it runs there by
// now, both share that core, for some milliseconds, though others are free. So before a thread wakes,
// the core of the one that wakes it is taken out of its affinity; the thread itself puts it back.
class CoreOfThread {
public:
#if defined(__linux__)
    // Around the sleep of a thread, by itself.
    void begin_sleep();
    void end_sleep();
    // By the thread that is going to wake it.
    void leave_this_core();

private:
    std::atomic<int> sleeper_{0};  // the thread, while it sleeps
    std::atomic<bool> changed_{false};
    cpu_set_t before_;  // the affinity to put back; the thread reads it while `changed_` is set
#else
    void begin_sleep() {}
    void end_sleep() {}
    void leave_this_core() {}
#endif
};

}  // namespace bnn
