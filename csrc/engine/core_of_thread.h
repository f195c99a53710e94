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
    // By the only thread that may wake it.
    void leave_this_core();

private:
    // While the state is `changing`, the waking thread owns `before_`; then the thread itself does.
    enum State { awake, asleep, changing, changed };

    std::atomic<State> state_{awake};
    int thread_ = 0;
    cpu_set_t before_;  // the affinity to put back
#else
    void begin_sleep() {}
    void end_sleep() {}
    void leave_this_core() {}
#endif
};

}  // namespace bnn
