// A pool that lives as long as its engine: the caller's thread and size - 1 workers.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace bnn {

// Waits until all parties have come; first spinning, as the others are close behind, then asleep.
class Barrier {
public:
    explicit Barrier(int parties) : parties_(parties) {}
    void wait();

private:
    const int parties_;
    std::atomic<int> arrived_{0};
    std::atomic<unsigned> generation_{0};
};

class Threads {
public:
    explicit Threads(int size);
    ~Threads();
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

    int size() const { return size_; }

    // Runs job(0) here and job(1), ... on the workers; returns when all are done. Not re-entrant,
    // and the job must not throw.
    void run(const std::function<void(int)>& job);

private:
    void work(int index);

    const int size_;
    Barrier start_, end_;
    const std::function<void(int)>* job_ = nullptr;  // nullptr ends the workers
    std::vector<std::thread> workers_;
};

}  // namespace bnn
