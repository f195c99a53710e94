// Whether a call must end before its work is done.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>

namespace bnn {

// Asks the caller from time to time, in the caller's own thread. The other threads see the answer.
class Interruption {
public:
    using Ask = std::function<bool()>;

    // ask: empty where the call cannot be interrupted.
    void start(const Ask& ask) {
        ask_ = &ask;
        asked_ = Clock::now();
        happened_.store(false, std::memory_order_relaxed);
    }

    bool happened() const { return happened_.load(std::memory_order_relaxed); }

    // Called by the caller's thread between two steps of work.
    void look() {
        if (++steps_ < stride_ || !*ask_) return;
        steps_ = 0;
        const Clock::time_point now = Clock::now();
        const Clock::duration passed = now - asked_;
        // Steps may take nanoseconds or a tenth of a second. Compared with many short steps, reading
        // the clock costs nothing. It is read after every long step.
        if (passed < period / 4) {
            stride_ = stride_ < most_steps ? 2 * stride_ : stride_;
            return;
        }
        stride_ = 1;
        if (passed < period) return;
        asked_ = now;
        if ((*ask_)()) happened_.store(true, std::memory_order_relaxed);
    }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr Clock::duration period = std::chrono::milliseconds(20);
    static constexpr int most_steps = 16;

    const Ask* ask_ = nullptr;
    Clock::time_point asked_;
    int steps_ = 0, stride_ = 1;
    std::atomic<bool> happened_{false};
};

}  // namespace bnn
