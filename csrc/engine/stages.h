// Who does what of a job: pieces that threads take as they come.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "engine/threads.h"

namespace bnn {

// Stages in order; a stage has one part per thread and ends when all of them are done. A thread
// prefers its own part, whose data its caches hold, and takes those of threads that are not there:
// nobody holds a part while he waits, so that a thread without a processor holds up no other.
class Stages {
public:
    explicit Stages(int parts)
        : parts_(parts), taken_(std::make_unique<std::atomic<std::uint64_t>[]>(parts)) {}

    // Stages 1 to `last` are to come, the first when open() is called. Nobody may be at work.
    void start(std::uint64_t last);
    void open();

    // Runs parts until the last stage has ended: part(stage, index). Whoever does the last part of
    // a stage then calls ended(stage), before anyone begins the next.
    template <typename Part, typename Ended>
    void work(int own, Part part, Ended ended) {
        std::uint64_t stage = stage_.load(std::memory_order_acquire);
        while (stage <= last_) {
            const int index = take(stage, own);
            if (index < 0) {
                stage = wait_while(stage_, stage);
                continue;
            }
            part(stage, index);
            if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == parts_) {
                ended(stage);
                done_.store(0, std::memory_order_relaxed);
                stage_.store(stage + 1, std::memory_order_release);
                stage_.notify_all();
            }
            stage = stage_.load(std::memory_order_acquire);
        }
    }

private:
    // A part of the stage that nobody has, or -1.
    int take(std::uint64_t stage, int own);

    const int parts_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> taken_;  // the last stage that each was taken in
    std::uint64_t last_ = 0;
    std::atomic<std::uint64_t> stage_{0};  // 0 while closed
    std::atomic<int> done_{0};
};

}  // namespace bnn
