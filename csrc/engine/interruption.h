// Whether a call is to end before its work is done.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>

namespace bnn {

// Asks the caller now and then, from the caller's own thread; the other threads see the answer.
class Interruption {
public:
    using Ask = std::function<bool()>;

    // ask: empty where nobody can interrupt.
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
        // Steps may take nanoseconds or a tenth of a second: the clock costs nothing next to
        // many short ones, and is looked at after every long one.
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
