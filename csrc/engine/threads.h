// A pool that lives as long as its engine: the caller's thread and size - 1 workers.
#pragma once

#if !defined(_WIN32)
#include <unistd.h>
#endif

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "engine/core_of_thread.h"

namespace bnn {

// Waits until `value` is not `old`; returns the new value. It spins first, because the change mostly
// comes soon, and then sleeps. So the code that changes the value must notify.
// core: of a thread that another core should run when it wakes, or nullptr.
std::uint64_t wait_while(const std::atomic<std::uint64_t>& value, std::uint64_t old,
                         CoreOfThread* core = nullptr);

class Threads {
public:
    // Throws std::system_error where the system starts no more threads.
    explicit Threads(int size);
    // In a process that was forked since then, no worker exists, and it does not touch them.
    ~Threads();
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

    int size() const { return size_; }

    // Runs job(0) here, and job(1), ... on the workers that arrive in time. On a busy machine, a
    // worker may come late or not at all. So the job must be complete when job(0) and the others
    // that began have returned. Not re-entrant. The job must not throw.
    void run(const std::function<void(int)>& job);

private:
    void stop();
    void work(int index);
    bool enter(std::uint64_t generation);

    const int size_;
#if !defined(_WIN32)  // which has no fork
    const pid_t process_ = getpid();
#endif
    // The state of the job: its generation, whether workers may still begin, and how many are
    // working; and whether no more jobs will come.
    std::atomic<std::uint64_t> state_{0};
    const std::function<void(int)>* job_ = nullptr;
    std::unique_ptr<CoreOfThread[]> cores_;  // of the workers
    std::vector<std::thread> workers_;
};

}  // namespace bnn
