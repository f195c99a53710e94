#include "engine/stages.h"

namespace bnn {

void Stages::start(std::uint64_t last) {
    last_ = last;
    stage_.store(0, std::memory_order_relaxed);
    for (int index = 0; index < parts_; ++index) taken_[index].store(0, std::memory_order_relaxed);
}

void Stages::open() {
    stage_.store(1, std::memory_order_release);
    stage_.notify_all();
}

int Stages::take(std::uint64_t stage, int own) {
    for (int step = 0; step < parts_; ++step) {
        const int index = (own + step) % parts_;
        // Takes no part of stage 0, and none of a stage that has ended: all its parts were taken.
        std::uint64_t before = taken_[index].load(std::memory_order_relaxed);
        if (before < stage &&
            taken_[index].compare_exchange_strong(before, stage, std::memory_order_acq_rel))
            return index;
    }
    return -1;
}

}  // namespace bnn
