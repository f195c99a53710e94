#include "engine/threads.h"

#include <utility>

namespace bnn {
namespace {

constexpr int spins = 4000;

constexpr std::uint64_t next_generation = std::uint64_t{1} << 32;
constexpr std::uint64_t open = std::uint64_t{1} << 31;
constexpr std::uint64_t over = std::uint64_t{1} << 30;
constexpr std::uint64_t at_work = over - 1;

std::uint64_t generation_of(std::uint64_t state) { return state / next_generation; }

void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace

std::uint64_t wait_while(const std::atomic<std::uint64_t>& value, std::uint64_t old,
                         CoreOfThread* core) {
    for (int spin = 0; spin < spins; ++spin) {
        const std::uint64_t now = value.load(std::memory_order_acquire);
        if (now != old) return now;
        pause();
    }
    if (core != nullptr) core->begin_sleep();
    value.wait(old, std::memory_order_acquire);
    if (core != nullptr) core->end_sleep();
    return value.load(std::memory_order_acquire);
}

Threads::Threads(int size)
    : size_(size), cores_(std::make_unique<CoreOfThread[]>(static_cast<std::size_t>(size))) {
    try {
        for (int index = 1; index < size; ++index)
            workers_.emplace_back([this, index] { work(index); });
    } catch (...) {
        stop();
        throw;
    }
}

Threads::~Threads() {
#if defined(_WIN32)
    stop();
#else
    if (process_ == getpid())
        stop();
    else  // joining would wait for ever, and destroying a joinable std::thread ends the process
        new std::vector<std::thread>(std::move(workers_));
#endif
}

void Threads::stop() {
    state_.fetch_or(over, std::memory_order_acq_rel);
    state_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void Threads::run(const std::function<void(int)>& job) {
    if (workers_.empty()) {
        job(0);
        return;
    }
    job_ = &job;
    // No worker is working, and none can begin, so only this thread writes.
    const std::uint64_t generation = generation_of(state_.load(std::memory_order_relaxed)) + 1;
    for (int index = 1; index < size_; ++index) cores_[index].leave_this_core();
    state_.store(generation * next_generation | open, std::memory_order_release);
    state_.notify_all();
    job(0);
    std::uint64_t state = state_.fetch_and(~open, std::memory_order_acq_rel) & ~open;
    while ((state & at_work) != 0) state = wait_while(state_, state);
}

// Counts this worker in, unless the job is over.
bool Threads::enter(std::uint64_t generation) {
    std::uint64_t state = state_.load(std::memory_order_acquire);
    while (generation_of(state) == generation && (state & open) != 0)
        if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) return true;
    return false;
}

void Threads::work(int index) {
    std::uint64_t seen = 0;
    while (true) {
        std::uint64_t state = state_.load(std::memory_order_acquire);
        while (generation_of(state) == seen && (state & over) == 0)
            state = wait_while(state_, state, &cores_[index]);
        if ((state & over) != 0) return;
        seen = generation_of(state);
        if (!enter(seen)) continue;
        (*job_)(index);
        state_.fetch_sub(1, std::memory_order_acq_rel);
        state_.notify_all();
    }
}

}  // namespace bnn
