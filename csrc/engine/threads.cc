#include "engine/threads.h"

namespace bnn {
namespace {

constexpr int spins = 4000;

void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace

void Barrier::wait() {
    const unsigned generation = generation_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
        arrived_.store(0, std::memory_order_relaxed);
        generation_.fetch_add(1, std::memory_order_acq_rel);
        generation_.notify_all();
        return;
    }
    for (int spin = 0; spin < spins; ++spin) {
        if (generation_.load(std::memory_order_acquire) != generation) return;
        pause();
    }
    generation_.wait(generation, std::memory_order_acquire);
}

Threads::Threads(int size) : size_(size), start_(size), end_(size) {
    for (int index = 1; index < size; ++index) workers_.emplace_back([this, index] { work(index); });
}

Threads::~Threads() {
    if (workers_.empty()) return;
    job_ = nullptr;
    start_.wait();
    for (std::thread& worker : workers_) worker.join();
}

void Threads::run(const std::function<void(int)>& job) {
    if (workers_.empty()) {
        job(0);
        return;
    }
    job_ = &job;
    start_.wait();
    job(0);
    end_.wait();
}

void Threads::work(int index) {
    while (true) {
        start_.wait();
        if (job_ == nullptr) return;
        (*job_)(index);
        end_.wait();
    }
}

}  // namespace bnn
