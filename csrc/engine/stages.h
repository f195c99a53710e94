// How threads share a job: they take pieces of it as they arrive.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "engine/threads.h"

namespace bnn {

// Stages come in order. A stage has one part per thread and ends when all parts are done. A thread
// prefers its own part, because its caches hold the data of it. It also takes the parts of threads
// that have not arrived. No thread holds a part while it waits, so a thread without a processor
// never blocks the others.
class Stages {
public:
    explicit Stages(int parts)
        : parts_(parts), taken_(std::make_unique<std::atomic<std::uint64_t>[]>(parts)) {}

    // Stages 1 to `last` will follow, the first when open() is called. No thread may be working.
    void start(std::uint64_t last);
    void open();

    // Runs parts until the last stage has ended: part(stage, index). The thread that does the last
    // part of a stage then calls ended(stage), before any thread begins the next stage.
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
    // A part of the stage that no thread has taken, or -1.
    int take(std::uint64_t stage, int own);

    const int parts_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> taken_;  // the last stage that each was taken in
    std::uint64_t last_ = 0;
    std::atomic<std::uint64_t> stage_{0};  // 0 while closed
    std::atomic<int> done_{0};
};

}  // namespace bnn
